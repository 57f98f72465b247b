"""`python -m launcher.servers install`: what `make servers` runs."""

import argparse
import sys
from pathlib import Path

from flightmesh.errors import ConfigurationError
from launcher.servers.install import DEFAULT_FOLDER, VERSIONS, Servers, install


def main() -> int:
    """Installs the servers that are asked for, all of them by default; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m launcher.servers", description=__doc__)
    parser.add_argument("what", choices=["install"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(VERSIONS))
    parser.add_argument("--into", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER")
    arguments = parser.parse_args()
    names = arguments.names or list(VERSIONS)
    if unknown := sorted(set(names) - set(VERSIONS)):
        parser.error(f"unknown: {', '.join(unknown)} (known: {', '.join(VERSIONS)})")
    try:
        install(Servers(arguments.into.resolve()), names, lambda text: print(text, flush=True))
    except ConfigurationError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
