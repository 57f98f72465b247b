"""The progress of an import: a bar on stderr where that is a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flightmesh.api.loading.v1 import loading_service_pb2 as loading

Report = Callable[[loading.ImportProgress], None]


def amount_text(done: int, total: float | None, speed: float | None, unit: str) -> str:
    """For example `1,200/3,070 legs  950 legs/s`."""
    of_total = f"/{int(total):,}" if total else ""
    rate = f"  {speed:,.0f} {unit}/s" if speed else ""
    return f"{done:,}{of_total} {unit}{rate}"


@contextmanager
def shown_progress(unit: str) -> Iterator[Report | None]:
    """Gives a function to call with each progress message; None where nobody would see it.

    Args:
        unit: what the loading phase counts, for example "legs".
    """
    if not sys.stderr.isatty():
        yield None
        return
    # Rich takes longer to import than most commands to run, and only terminals need it.
    from clients.cli.progress_bar import progress_bar  # noqa: PLC0415

    with progress_bar(unit) as report:
        yield report
