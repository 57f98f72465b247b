"""`make sim-mutants`: rule → seeds until the simulation finds that it is off."""

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.simulation import campaign
from tests.simulation.mutants.catalogue import MUTANTS
from tests.simulation.mutants.search import seeds_needed

MOST_SEEDS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 1 if some rule's absence stays unfound."""
    parser = argparse.ArgumentParser(prog="make sim-mutants", description=__doc__)
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help="give up after so many")
    parser.add_argument("--workers", type=int, default=campaign.default_workers())
    parser.add_argument("--only", default="", help="mutants whose names contain this")
    options = parser.parse_args(arguments)
    names = [name for name in MUTANTS if options.only in name]
    unfound = 0
    # A process for each mutant: what one leaves behind touches no other.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, context, max_tasks_per_child=1) as pool:
        waiting = [pool.submit(seeds_needed, name, options.seeds) for name in names]
        print("seeds  rule that is off: what was found")
        for name, future in zip(names, waiting, strict=True):
            seeds, violation = future.result()
            unfound += not seeds
            print(f"{seeds or 'none':>5}  {name}: {violation[:120]}", flush=True)
    print(f"{len(names) - unfound} of {len(names)} found")
    return 1 if unfound else 0


if __name__ == "__main__":
    sys.exit(main())
