"""The progress bar of an import, drawn by rich."""

from collections.abc import Iterator
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

from clients.cli.progress import Report, amount_text
from flightmesh.api.loading.v1 import loading_service_pb2 as loading

_PHASES: Final = {
    loading.IMPORT_PHASE_READING: "reading",
    loading.IMPORT_PHASE_LOADING: "loading",
}


class _Amount(ProgressColumn):
    """Done, total and rate of a phase, in its own unit."""

    def render(self, task: Task) -> Text:
        """The column's text now."""
        return Text(amount_text(int(task.completed), task.total, task.speed, task.fields["unit"]))


@contextmanager
def progress_bar(unit: str) -> Iterator[Report]:
    """A bar per phase on stderr, gone at the end.

    Args:
        unit: what the loading phase counts, for example "legs".
    """
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
