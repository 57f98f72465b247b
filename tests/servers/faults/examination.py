"""A fault under load from beginning to end, and everything that is checked afterwards."""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from flightmesh.testing.history_checker import check_history
from flightmesh.verification.contents import read_contents
from flightmesh.verification.journal import Store
from flightmesh.verification.legs import leg_rows
from tests.servers.faults.load import PER_S, Addresses, PacedLoad
from tests.servers.faults.pace import busy_between, processor_times, slower
from tests.servers.faults.ways import DEADLINE_S

BEFORE_S = 2.0
AFTER_S = 3.0


class Mesh(Protocol):
    """What an examination needs of a mesh.

    Attributes:
        per_s: commands each second, and as many queries, that it bears on this machine.
    """

    per_s: int

    def addresses(self) -> Addresses: ...

    def open_store(self) -> AbstractAsyncContextManager[Store]: ...


Fault = Callable[[PacedLoad], Awaitable[None]]


@contextlib.asynccontextmanager
async def load_on(
    mesh: Mesh, schedule: str, seed: int = 1, deadline_s: float = DEADLINE_S
) -> AsyncIterator[PacedLoad]:
    """A load that is prepared and runs."""
    load = PacedLoad(mesh.addresses(), schedule, seed, mesh.per_s, deadline_s)
    try:
        await load.prepare()
        load.start()
        yield load
    finally:
        await load.close()


async def bearable_rate(mesh: Mesh, most: int = PER_S) -> int:
    """Commands each second, and as many queries, that leave this machine some time to spare.

    Where all processors are busy all the time no process gets its turn in time, and no request
    could be said to have failed by the mesh's fault.
    """
    mesh.per_s = most
    while True:
        async with load_on(mesh, f"rate-{mesh.per_s}-{os.getpid()}") as load:
            await load.go_on(BEFORE_S)
            before = processor_times()
            await load.go_on(2 * BEFORE_S)
            busy = busy_between(before, processor_times())
            await load.stop()
        print(f"\n{2 * mesh.per_s} requests/s: processors are busy {busy:.0%} of the time")
        next_per_s = slower(mesh.per_s, busy)
        if next_per_s is None:
            return mesh.per_s
        mesh.per_s = next_per_s


async def run_fault(
    mesh: Mesh, schedule: str, fault: Fault, folder: Path, *, before_s: float = BEFORE_S,
    after_s: float = AFTER_S,
) -> PacedLoad:  # fmt: skip
    """Load, fault, load, and then the checks; the load runs all the time.

    Args:
        mesh: whole when this begins and when `fault` returns.
        schedule: of this case alone.
        fault: breaks something and mends it.
        folder: gets history and findings if something is wrong.
        before_s: how long the load runs before the fault.
        after_s: how long it runs after every shard answers again.

    Raises:
        AssertionError: with the first thing that is wrong.
    """
    async with load_on(mesh, schedule) as load:
        await load.go_on(before_s)
        await fault(load)
        await load.until_all_rotations_answer()
        await load.go_on(after_s)
        await load.stop()
        print(f"\n{schedule}, {2 * mesh.per_s}/s: {load.record.summary()}", flush=True)
        if load.record.failures:
            print(load.record.reasons(), flush=True)
        await load.settle()
    load.record.history.write(folder / "history.jsonl")
    async with mesh.open_store() as store:
        refuse(await examine(load, store), folder)
    return load


async def examine(load: PacedLoad, store: Store) -> list[str]:
    """What is wrong with what the load was told, and with the ledgers (I1 to I7)."""
    contents = await read_contents(store.journal)
    found = check_history(load.record.history, contents, leg_rows)
    return [*map(str, found), *load.record.wrong]


def refuse(found: list[str], folder: Path) -> None:
    """Fails with the first thing found; keeps the history."""
    if found:
        (folder / "found.json").write_text(json.dumps(found, indent=1))
        raise AssertionError(f"{len(found)} violations, kept in {folder}; the first: {found[0]}")
