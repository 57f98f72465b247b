"""Kills a mesh under command load again and again, and checks all it holds after every kill.

    python scripts/soak_kill.py --rounds 50 --seed 1

Prints a line per round. Where something is found, folder and history are kept and named.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.e2e.kill_rounds import kill_rounds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-kill-"))
    try:
        load = kill_rounds(
            folder, options.rounds, options.seed, lambda line: print(line, flush=True)
        )
    except AssertionError as error:
        print(f"{error}\nkept: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print(
        f"{options.rounds} kills, seed {options.seed}: {load.acknowledged:,} commands acknowledged,"
        " checker and doctor found nothing"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
