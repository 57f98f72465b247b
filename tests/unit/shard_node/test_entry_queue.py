"""The loop that writes entries, at moments that a session rarely meets."""

import asyncio
from types import SimpleNamespace
from typing import Any, final

from flightmesh.clock import SystemClock
from flightmesh.errors import SessionFenced
from shard_node.entry_queue import EntryQueue, OpenEntry


@final
class _Writer:
    ledger = 1

    async def append(self, data: bytes) -> int:
        raise AssertionError("nothing is to be written")


@final
class _Listener:
    def entry_committed(self, entry: OpenEntry, committed_at_us: int) -> None:
        raise AssertionError("nothing is committed")

    async def entry_answered(self, number: int, data: bytes) -> None:
        raise AssertionError("nothing is committed")


def _a_command_comes(queue: EntryQueue) -> None:
    answers = SimpleNamespace(put=lambda *_: None)
    task: Any = SimpleNamespace(batch=answers, place=0)
    queue._entries.append(OpenEntry(0))
    queue._entries[0].waiting.append((SimpleNamespace(), task))  # type: ignore[arg-type]
    assert queue._wake is not None
    queue._wake.set_result(None)


async def test_a_session_that_ends_as_the_writing_wakes_up_is_no_failure() -> None:
    """Simulation seed 1914: a command woke the loop, and the seal was found before it ran."""
    queue = EntryQueue(_Writer(), SystemClock(), max_commands=9, max_bytes=9, max_queued=9)
    writing = asyncio.ensure_future(queue.run(_Listener()))
    await asyncio.sleep(0)
    _a_command_comes(queue)
    queue.abandon(SessionFenced("ledger 1 was sealed"))
    await asyncio.sleep(0)
    assert not writing.done()
    writing.cancel()
    await asyncio.wait((writing,))
    assert writing.cancelled()
