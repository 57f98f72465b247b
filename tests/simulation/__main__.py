"""`make sim`: runs seeds; a seed that fails is run again, made smaller and told."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from flightmesh.testing.history import History
from tests.simulation import campaign
from tests.simulation.run import Outcome, run_seed
from tests.simulation.shrink import numbers_of, shrink

_REPORTS = Path("build/simulation")
_MOST_TOLD = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this seed alone, with its trace")
    parser.add_argument("--only", help="numbers of the faults to carry out, with commas")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--workers", type=int, default=campaign.default_workers())
    parser.add_argument("--digests", action="store_true", help="print what each run came to")
    parser.add_argument("--complete", action="store_true", help="fail if something never occurred")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        only = (
            None if options.only is None else tuple(map(int, filter(None, options.only.split(","))))
        )
        return _one(options.seed, only)
    return _many(options)


def _one(seed: int, only: tuple[int, ...] | None) -> int:
    history, commit = History(), campaign.commit()
    outcome = run_seed(seed, only=only, tells=True, history=history)
    _report(outcome, history, commit)
    return 1 if outcome.violations else 0


def _report(outcome: Outcome, history: History, commit: str) -> None:
    _REPORTS.mkdir(parents=True, exist_ok=True)
    trace = _REPORTS / f"seed-{outcome.seed}.txt"
    faults = [str(fault) for fault in outcome.faults]
    trace.write_text("\n".join([*faults, "", *outcome.lines, ""]))
    history.write(_REPORTS / f"seed-{outcome.seed}.jsonl")
    print(f"seed {outcome.seed}, commit {commit}: {len(outcome.faults)} faults")
    print("\n".join(f"  {fault}" for fault in faults))
    for violation in outcome.violations[:10]:
        print(f"  VIOLATION {violation}")
    print(f"  trace and history: {_REPORTS}/seed-{outcome.seed}.*")


def _many(options: argparse.Namespace) -> int:
    # Asked for now: by the end of a long run something else may be checked out.
    began_s, commit = time.monotonic(), campaign.commit()

    def tell(outcome: Outcome) -> None:
        if options.digests:
            print(f"seed {outcome.seed} digest {outcome.digest}", flush=True)
        if outcome.violations:
            print(f"seed {outcome.seed} FAILS: {outcome.violations[0]}", flush=True)

    seeds = range(options.first, options.first + options.seeds)
    total = campaign.run_all(seeds, options.workers, tell)
    print(total.table())
    took_s = time.monotonic() - began_s
    print(
        f"{total.seeds} seeds, commit {commit}: {len(total.failed)} failed;"
        f" {took_s:.0f} s, {total.cpu_s / total.seeds:.2f} s of CPU per seed,"
        f" {total.virtual_s / 3600:.1f} h of virtual time"
    )
    for outcome in total.failed[:_MOST_TOLD]:
        _explain(outcome.seed, commit)
    if total.missing:
        print(f"never occurred: {', '.join(total.missing)}")
    return 1 if total.failed or (options.complete and total.missing) else 0


def _explain(seed: int, commit: str) -> None:
    """Finds the faults that a failure needs, and tells that run."""
    only = shrink(numbers_of(seed), lambda numbers: bool(run_seed(seed, only=numbers).violations))
    history = History()
    outcome = run_seed(seed, only=only, tells=True, history=history)
    print(f"\nmake sim SEED={seed} ONLY={','.join(map(str, only)) or ','}")
    _report(outcome, history, commit)


if __name__ == "__main__":
    sys.exit(main())
