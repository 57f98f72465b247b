"""The progress of an import: a bar on stderr where that is a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from flightmesh.api.loading.v1 import loading_service_pb2 as loading

Report = Callable[[loading.ImportProgress], None]

_PHASES: Final = {
    loading.IMPORT_PHASE_READING: "reading",
    loading.IMPORT_PHASE_LOADING: "loading",
}


class _Amount(ProgressColumn):
    """Done, total and rate of a phase, in its own unit."""

    def render(self, task: Task) -> Text:
        """The column's text now."""
        return Text(amount_text(int(task.completed), task.total, task.speed, task.fields["unit"]))


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
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Amount(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[int, TaskID] = {}

        def report(progress: loading.ImportProgress) -> None:
            task = tasks.get(progress.phase)
            if task is None:
                name = _PHASES.get(progress.phase, "working")
                counted = "bytes" if progress.phase == loading.IMPORT_PHASE_READING else unit
                task = tasks[progress.phase] = bar.add_task(name, unit=counted, total=None)
            bar.update(task, completed=progress.done, total=progress.total or None)

        yield report
