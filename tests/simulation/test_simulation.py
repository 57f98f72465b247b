"""A thousand seeds of the simulated mesh; see docs/simulation.md."""

import os

import pytest

from tests.simulation import campaign, plan
from tests.simulation.run import COMMANDS, run_seed
from tests.simulation.shrink import shrink

# More of them by `make sim SEEDS=n` and `make soak`.
SEEDS = int(os.environ.get("SIMULATED_SEEDS", "1000"))


def test_a_thousand_seeds_end_without_a_violation(capsys: pytest.CaptureFixture[str]) -> None:
    total = campaign.run_all(range(SEEDS), workers=2)

    each = f"{total.seeds} seeds, {total.cpu_s / total.seeds:.2f} s of CPU each"
    with capsys.disabled():
        print(f"\n{total.table()}\n{each}")
    failures = [f"make sim SEED={o.seed}  # {o.violations[0]}" for o in total.failed]
    assert not failures, "\n".join(failures)
    assert total.seeds == SEEDS
    if SEEDS >= 1000:
        assert not total.missing, "never occurred: " + ", ".join(total.missing)


def test_each_run_is_as_large_as_promised() -> None:
    assert COMMANDS >= 200
    assert len(plan.SHARD_NODES) >= 3
    assert all(len(plan.draw(seed)) >= 5 for seed in range(1000))


def test_a_seed_decides_everything() -> None:
    first, again = (run_seed(7, tells=True) for _ in range(2))

    assert first.lines == again.lines
    assert first.counts == again.counts
    assert len(first.lines) > 500


def test_a_run_without_its_faults_meets_none_of_them() -> None:
    outcome = run_seed(7, only=())

    assert outcome.violations == []
    assert not [name for name in outcome.counts if name.startswith(("fault:", "store:"))]


def test_shrinking_finds_the_two_faults_that_matter() -> None:
    tried: list[tuple[int, ...]] = []

    def fails(numbers: tuple[int, ...]) -> bool:
        tried.append(numbers)
        return {3, 8} <= set(numbers)

    assert shrink(tuple(range(12)), fails) == (3, 8)
    assert len(tried) < 60


def test_shrinking_finds_that_no_fault_is_needed() -> None:
    assert shrink((0, 1, 2), lambda _: True) == ()
