"""Many runs on several processes, and the table of what occurred in them."""

import multiprocessing
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import islice

from tests.simulation import observer, plan, slots
from tests.simulation.run import Outcome, run_seed

NETWORK = (
    "network: lost", "network: doubled", "network: late, out of order",
    "network: stopped by a partition",
)  # fmt: skip
STORE = (
    "store: refused", "store: lost", "store: answer lost", "store: late", "store: twice",
)  # fmt: skip
REGISTRY = (
    "registry: unavailable", "registry: answer lost", "registry: transaction arrives late",
    "registry: news missed by a watch",
)  # fmt: skip
BUS = ("bus: lost", "bus: doubled")
GATEWAY = ("gateway: command answered", "gateway: query answered")
SNAPSHOTS = ("snapshot: saved", "snapshot: loaded", "snapshot: broken one passed over")
# What a run over many seeds must have seen, or it proves less than it says.
EXPECTED = (
    *(f"fault: {kind}" for kind in plan.KINDS), *NETWORK, *STORE, *REGISTRY, *BUS,
    *GATEWAY, *SNAPSHOTS, *observer.LEDGER, *observer.CLAIM, *observer.MAP, *slots.SHARD,
)  # fmt: skip
_CHUNK = 5


@dataclass(slots=True)
class Total:
    """What many runs add up to."""

    seeds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)
    cpu_s: float = 0.0
    virtual_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.counts.update(outcome.counts)
        self.cpu_s += outcome.cpu_s
        self.virtual_s += outcome.virtual_s
        if outcome.violations:
            self.failed.append(outcome)

    @property
    def missing(self) -> list[str]:
        """What should have occurred and never did."""
        return [name for name in EXPECTED if not self.counts[name]]

    def table(self) -> str:
        """How often everything occurred."""
        others = sorted(set(self.counts) - set(EXPECTED))
        return "\n".join(f"{self.counts[name]:>10,}  {name}" for name in (*EXPECTED, *others))


def commit() -> str:
    """The commit that is checked out, for the reports of failing runs."""
    git = ("git", "describe", "--always", "--dirty", "--abbrev=12")
    found = subprocess.run(git, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def run_chunk(seeds: list[int]) -> list[Outcome]:
    """Runs some seeds; what a worker process does."""
    return [run_seed(seed) for seed in seeds]


def run_all(
    seeds: Iterable[int], workers: int, on_outcome: Callable[[Outcome], object] = lambda _: None
) -> Total:
    """Runs all seeds.

    Args:
        seeds: the seeds.
        workers: processes.
        on_outcome: told of each run as it ends.
    """
    total = Total()
    for outcome in _outcomes(iter(seeds), workers):
        total.add(outcome)
        on_outcome(outcome)
    return total


def _outcomes(seeds: Iterator[int], workers: int) -> Iterator[Outcome]:
    chunks = iter(lambda: list(islice(seeds, _CHUNK)), [])
    if workers <= 1:
        for chunk in chunks:
            yield from run_chunk(chunk)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        waiting = {pool.submit(run_chunk, chunk) for chunk in islice(chunks, workers * 4)}
        while waiting:
            done = next(as_completed(waiting))
            waiting.discard(done)
            waiting |= {pool.submit(run_chunk, chunk) for chunk in islice(chunks, 1)}
            yield from done.result()


def default_workers() -> int:
    """One process per core."""
    return os.cpu_count() or 1
