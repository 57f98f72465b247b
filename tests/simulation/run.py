"""One run: a seed in, what happened out."""

import asyncio
import functools
import gc
import hashlib
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import msgspec

from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate_pb
from flightmesh.errors import FlightmeshError
from flightmesh.eventsourcing import window
from flightmesh.position import Position
from flightmesh.routing import coalescer
from flightmesh.testing.history import History
from flightmesh.testing.history_checker import check_history
from flightmesh.testing.simulation.chronicle import LogWatch
from flightmesh.testing.simulation.loop import Stuck, current_process
from flightmesh.verification.contents import LedgerContents, read_contents
from tests.simulation import checks, lives, plan, slots
from tests.simulation.faults.carrier import Faults
from tests.simulation.mesh import Mesh
from tests.simulation.plan import PlannedFault
from tests.simulation.pure import remembered
from tests.simulation.workload import Workload

COMMANDS = 204
REMEMBERED = 24
_ANSWERS_WITHIN_S = 60.0
_SERVED_WITHIN_S = 60.0
_DEADLINE_CHECK_S = 0.2


@dataclass(slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        seed: its seed.
        violations: what is wrong; empty if all is well.
        faults: its plan, as far as it was carried out.
        counts: how often what occurred.
        lines: the trace, if one was asked for.
        virtual_s: how long it took in its own time.
        cpu_s: how long it took in ours.
        digest: stands for all that clients were told, and when, and for all that was counted.
    """

    seed: int
    violations: list[str] = field(default_factory=list)
    faults: tuple[PlannedFault, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    digest: str = ""


def run_seed(
    seed: int,
    *,
    only: Collection[int] | None = None,
    tells: bool = False,
    history: History | None = None,
) -> Outcome:
    """Runs a seed.

    Args:
        seed: decides all.
        only: numbers of the faults to carry out; None for all.
        tells: whether to keep a trace.
        history: gets the notes of the clients, if given.
    """
    began_s = time.process_time()
    faults = tuple(f for f in plan.draw(seed) if only is None or f.number in only)
    outcome = Outcome(seed, faults=faults)
    with _collected_by_hand():
        told = _run(outcome, tells)
    outcome.cpu_s = time.process_time() - began_s
    if history is not None:
        history.notes[:] = told.notes
    return outcome


def _run(outcome: Outcome, tells: bool) -> History:
    """The run itself; what was told to its clients."""
    mesh = Mesh(outcome.seed, tells=tells)
    run = _Run(mesh, outcome.faults, outcome)

    def who() -> str:
        try:
            return current_process().name
        except LookupError:
            return ""

    coarse = patch.object(coalescer, "_DEADLINE_CHECK_S", _DEADLINE_CHECK_S)
    with (
        LogWatch(mesh.chronicle, who),
        coarse,
        slots.watched(mesh.chronicle),
        short_memory(),
        remembered(),
    ):
        try:
            mesh.loop.run_simulation(run.work())
        except Stuck as stuck:
            outcome.violations.append(f"PROGRESS: {stuck}")
        except (FlightmeshError, LookupError) as error:
            # The checks fold what the ledgers hold; what cannot be folded is wrong.
            outcome.violations.append(f"FOLD: {type(error).__name__}: {error}")
        outcome.virtual_s = mesh.loop.time()
    outcome.violations[:0] = mesh.chronicle.failures
    outcome.counts, outcome.lines = mesh.chronicle.counts, mesh.chronicle.lines
    outcome.digest = _digest(run.workload.history, outcome, mesh.loop.callbacks)
    return run.workload.history


@contextmanager
def _collected_by_hand() -> Iterator[None]:
    """Collects garbage once, when all of a run is garbage, and walks nothing that was there before.

    A collection by itself comes right when the run's end switches the collector on again: it finds
    everything still in use, and walks it for nothing.
    """
    _freeze_once()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # The youngest only: all that the run has made, and not what others left to be remembered.
        gc.collect(0)
        if was_enabled:
            gc.enable()


@functools.cache
def _freeze_once() -> None:
    gc.collect()
    gc.freeze()


def _digest(history: History, outcome: Outcome, callbacks: int) -> str:
    """Equal digests are equal runs, as far as anybody outside could tell."""
    told = (history.notes, outcome.violations, sorted(outcome.counts.items()), callbacks)
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


@contextmanager
def short_memory() -> Iterator[None]:
    """Lets aggregates remember few commands, so that some are repeated when forgotten."""
    with patch.object(window, "WINDOW_SIZE", REMEMBERED):
        yield


class _Run:
    def __init__(self, mesh: Mesh, faults: tuple[PlannedFault, ...], outcome: Outcome) -> None:
        self._mesh = mesh
        self._faults = Faults(mesh, faults)
        self._wrong = outcome.violations
        self.workload = Workload(mesh, COMMANDS)

    async def work(self) -> None:
        mesh, loop = self._mesh, self._mesh.loop
        mesh.start()
        clients = loop.environment.spawn(self.workload.run(), "workload")
        backups = loop.environment.spawn(self._back_up(), "backups")
        await asyncio.sleep(plan.BOOT_S + plan.FAULTS_S)
        backups.cancel()
        self._faults.stop()
        mesh.chronicle.tell("", "ALL FAULTS ENDED")
        self.workload.history.stop_faults(mesh.clock.now_us())
        done, _ = await asyncio.wait((clients,), timeout=_ANSWERS_WITHIN_S)
        if not done:
            self._say(f"PROGRESS: {len(self.workload.unanswered)} commands are not answered")
        await self._until_served("after the faults")
        for check in (self._check_reader, self._check_recovery):
            # What failed already says enough.
            if not mesh.chronicle.failures and not self._wrong:
                await check()
        await self._check_ledgers()

    def _say(self, what: str) -> None:
        self._wrong.append(what)
        self._mesh.chronicle.tell("", f"VIOLATION {what}")

    async def _back_up(self) -> None:
        while True:
            self._mesh.registry.back_up()
            await asyncio.sleep(3.0)

    async def _until_served(self, when: str) -> None:
        ends_s = self._mesh.loop.time() + _SERVED_WITHIN_S
        while wrong := await self._mesh.unserved():
            if self._mesh.loop.time() > ends_s:
                self._say(f"PROGRESS: {when} not served: {wrong}")
                return
            await asyncio.sleep(0.25)

    async def _contents(self) -> list[LedgerContents]:
        return await read_contents(self._mesh.store.memory.journal)

    async def _check_ledgers(self) -> None:
        ledgers = await self._contents()
        within_us = int(_ANSWERS_WITHIN_S * 1e6)
        for found in check_history(self.workload.history, ledgers, progress_within_us=within_us):
            if found.invariant != "PROGRESS":
                self._say(str(found))
        for found in checks.check_decisions(ledgers, self.workload.envelopes):
            self._say(str(found))
        for found in lives.check_lives(checks.by_aggregate(ledgers), self.workload.history):
            self._say(str(found))
        if self._wrong:
            return  # what cannot be cannot be folded either
        for found in checks.check_reads(ledgers, self.workload.reads):
            self._say(str(found))

    async def _check_reader(self) -> None:
        reader = self._mesh.hosts[plan.READ_NODE].reader
        ledgers = await self._contents()
        heads = {contents.ledger: contents.head for contents in ledgers if contents.head >= 0}
        if reader is None:
            self._say("PROGRESS: there is no read node")
            return
        try:
            await reader.follower.progress.reach(Position(heads), 30.0)
        except TimeoutError:
            token = reader.follower.progress.token()
            self._say(f"PROGRESS: the read node is at {token}, not at {Position(heads).token()}")
            return
        for found in checks.check_read_model(reader, checks.folded(ledgers)):
            self._say(str(found))

    async def _check_recovery(self) -> None:
        """All shard nodes crash: what their successors recover is the fold, and ids are known."""
        for host in self._mesh.shard_nodes:
            host.crash()
        for name in plan.SHARD_NODES:
            self._mesh.hosts[name].start()
        await asyncio.sleep(1.0)
        await self._until_served("after all shard nodes crashed")
        if self._wrong:
            return
        client = self.workload.clients[1]
        repeats = self.workload.settled[:: max(1, len(self.workload.settled) // 40)]
        spawn = self._mesh.hosts[client.name].process.spawn
        groups = [repeats[first : first + 5] for first in range(0, len(repeats), 5)]
        tasks = [spawn(client.settle_all(group), "repeat") for group in groups]
        await asyncio.wait(tasks, timeout=_ANSWERS_WITHIN_S)
        if not all(task.done() for task in tasks):
            self._say("PROGRESS: repeats are not answered after the restart")
        cells = checks.folded(await self._contents())
        await self._mesh.hosts[client.name].process.spawn(self._ask_all(cells), "ask")

    async def _ask_all(self, cells: dict[str, object]) -> None:
        routing = self._mesh.hosts["client-2"].routing
        assert routing is not None
        for aggregate_id, cell in cells.items():
            state = cell.state  # type: ignore[attr-defined]
            if cell.aggregate_type != "rotation" or not lives.is_alive(state, cells):  # type: ignore[attr-defined]
                continue
            request = aggregate_pb.GetRotationRequest(
                schedule=state.schedule, aggregate_id=aggregate_id
            )
            try:
                answer = await routing.router.call(aggregate_id, "GetRotation", request, 10.0)
            except FlightmeshError as error:
                self._say(f"PROGRESS: {aggregate_id} cannot be asked: {error}")
                continue
            shown = (answer.sequence, [leg.leg_id for leg in answer.legs])
            fold = (cell.sequence, [leg.leg_id for leg in state.order])  # type: ignore[attr-defined]
            if shown != fold:
                self._say(f"FOLD: {aggregate_id} was recovered as {shown}, the fold is {fold}")
