"""The doctor walks the ledgers while the mesh serves, moves shards, crashes: nothing is violated.

Its reads take time, so that everything moves between any two of them. The mesh is the simulated one
with all its faults (docs/simulation.md); its own checks say that nothing is wrong with the ledgers.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flightmesh.schedule_model import ScheduleModel
from flightmesh.testing.simulation.chance import Bits, Chance
from flightmesh.verification.journal import JournalReport, check_journal
from tests.simulation import plan, run
from tests.simulation.mesh import Mesh
from tests.simulation.run import Outcome, short_memory

SEEDS = range(3)


class Slow:
    """A port whose calls take a while before and after they take effect."""

    def __init__(self, port: Any, chance: Chance, slowest_s: float) -> None:
        self._port = port
        self._chance = chance
        self._slowest_s = slowest_s

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            await asyncio.sleep(self._chance.part() * self._slowest_s)
            answer = await getattr(self._port, name)(*args)
            await asyncio.sleep(self._chance.part() * self._slowest_s)
            return answer

        return call


class SlowStore:
    def __init__(self, store: Any, chance: Chance, slowest_s: float) -> None:
        self.journal = Slow(store.journal, chance, slowest_s)
        self.claims = Slow(store.claims, chance, slowest_s)
        self.index = Slow(store.index, chance, slowest_s)
        self.snapshots = Slow(store.snapshots, chance, slowest_s)


@contextmanager
def watched_run(seed: int) -> Iterator[tuple[Mesh, Any, Outcome]]:
    outcome = Outcome(seed)
    mesh = Mesh(seed)
    with short_memory():
        yield mesh, run._Run(mesh, tuple(plan.draw(seed)), outcome), outcome


@pytest.mark.parametrize("slowest_s", [0.005, 0.03])
def test_what_is_merely_in_motion_is_no_violation(slowest_s: float) -> None:
    reports: list[tuple[int, JournalReport]] = []
    for seed in SEEDS:
        with watched_run(seed) as (mesh, simulated, outcome):
            store: Any = SlowStore(mesh.store.memory, Chance(Bits(seed, "doctor")), slowest_s)

            async def look(store: Any = store, seed: int = seed) -> None:
                while True:
                    reports.append((seed, await check_journal(store, ScheduleModel())))

            async def both(simulated: Any = simulated, mesh: Any = mesh, look: Any = look) -> None:
                doctor = mesh.loop.environment.spawn(look(), "doctor")
                await simulated.work()
                doctor.cancel()

            mesh.loop.run_simulation(both())
        assert outcome.violations == []
    wrong = [(seed, check) for seed, told in reports for check in told.checks if not told.ok]
    assert not [(seed, check) for seed, check in wrong if check.verdict == "violated"]
    # The looks were many, and the mesh was at work during most of them.
    assert len(reports) > 2 * len(SEEDS)
    assert len({(seed, told.counts["entries"]) for seed, told in reports}) > len(reports) / 2
    assert any(told.counts["snapshots"] for _, told in reports)
