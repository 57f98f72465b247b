"""Changes of a shard node's state are logged with what they are about."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flightmesh.errors import OutcomeUnknown, StoreUnavailable
from tests.unit.shard_node.mesh import SHARDS, Mesh


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    mesh = Mesh()
    yield mesh
    await mesh.stop()


@pytest.fixture(autouse=True)
def _from_info_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    """The fields of all lines that begin so."""
    return [
        getattr(record, "fields", {})
        for record in caplog.records
        if record.getMessage().startswith(message)
    ]


async def test_a_session_is_logged_from_its_birth_to_its_end(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    node = await mesh.add_node()
    session = node.node.session.id
    assert lines(caplog, "session begins") == [
        {"node": "node-0", "session": session, "ledger": session}
    ]
    await mesh.assign(node, 1, 2)
    await mesh.seal(session)
    await mesh.clock.advance(3.0)
    assert lines(caplog, "session over") == [
        {"session": session, "ledger": session, "entry": -1, "shards": [(1, 1), (2, 1)]}
    ]
    assert lines(caplog, "session begins")[-1]["session"] == session + 1


async def test_claims_are_logged_with_their_epochs(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    node = await mesh.add_node()
    session = node.node.session.id
    await mesh.assign(node)
    every = [(shard, 1) for shard in range(SHARDS)]
    assert lines(caplog, "shards claimed") == [{"session": session, "shards": every}]
    (recovered,) = lines(caplog, "shards recovered")
    assert (recovered["session"], recovered["shards"]) == (session, every)
    assert recovered["seconds"] == 0
    await mesh.release(node, 2)
    assert lines(caplog, "shards released") == [{"session": session, "shards": [(2, 1)]}]


async def test_a_request_of_unknown_outcome_is_logged_with_its_entry(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    class OneLostAnswer:
        lost = 1

        def __init__(self, journal: Any) -> None:
            self._journal = journal

        async def append(self, *args: Any) -> Any:
            answer = await self._journal.append(*args)
            if self.lost:
                self.lost -= 1
                raise OutcomeUnknown("the answer was lost")
            return answer

        def __getattr__(self, name: str) -> Any:
            return getattr(self._journal, name)

    mesh.journal = OneLostAnswer(mesh.journal)
    node = await mesh.add_node()
    await mesh.assign(node)
    batch = node.submit((mesh.request(create_schedule={}),), lambda _: False, 5.0)
    await mesh.clock.advance(0.2)
    assert isinstance((await batch.wait())[0], bytes)
    about = {"ledger": node.node.session.id, "segment": 0, "entry": 0}
    assert lines(caplog, "the ledger store gives no answer") == [about]
    assert lines(caplog, "the ledger store answered") == [about]


async def test_a_command_that_fails_is_logged_with_its_id(
    mesh: Mesh, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    slot = mesh.slot_of(node, rotation)
    request = mesh.add_leg(rotation, 1)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(slot.memory, "decide", broken)
    (failed,) = await mesh.send(node, request)
    assert isinstance(failed, ZeroDivisionError)
    assert lines(caplog, "command failed") == [
        {
            "session": node.node.session.id,
            "shard": slot.shard,
            "epoch": slot.epoch,
            "aggregate_id": rotation,
            "command_id": request.command_id,
        }
    ]


async def test_an_index_that_cannot_be_written_is_logged_with_the_shard_that_waits(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    class NoIndex:
        async def flush(self, *_: object) -> None:
            raise StoreUnavailable("no index today")

    node = await mesh.add_node()
    await mesh.assign(node, 0, 1, 2, 3)
    (rotation,) = await mesh.create(node)
    slot = mesh.slot_of(node, rotation)
    flusher = node.node.session.flusher
    real, flusher._index = flusher._index, NoIndex()  # type: ignore[assignment]
    await mesh.clock.advance(3.1)
    (named,) = lines(caplog, "the aggregate index lags behind")
    assert named["session"] == node.node.session.id
    assert set(named) == {"session", "shard", "epoch", "records", "repeats"}
    assert named["epoch"] == slot.epoch
    assert named["records"] > 0
    flusher._index = real
    await mesh.clock.advance(1.1)
    (over,) = lines(caplog, "over: the aggregate index lags behind")
    assert over["repeats"] == 3
