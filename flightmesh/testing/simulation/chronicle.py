"""What happened in a run: counted for the table, and told line by line when asked for."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import final


@final
class Chronicle:
    """Counts and tells.

    Args:
        now: virtual time.
        tells: whether lines are kept.

    Attributes:
        counts: how often what occurred.
        lines: what happened, in order.
        failures: errors that no part of the mesh should ever log.
    """

    def __init__(self, now: Callable[[], float], *, tells: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        self.lines: list[str] = []
        self.failures: list[str] = []
        self.tells = tells
        self._closed = False
        self._now = now

    def count(self, what: str) -> None:
        """Counts an occurrence."""
        self.counts[what] += 1

    def tell(self, who: str, what: str) -> None:
        """Keeps a line of the trace."""
        if self.tells:
            self.lines.append(f"{self._now():9.4f}  {who:<14} {what}")

    def close(self) -> None:
        """The run is over: what comes now is its clearing away."""
        self._closed, self.tells = True, False

    def fail(self, who: str, what: str) -> None:
        """Keeps a failure that ends the run as a violation."""
        if self._closed:
            return
        self.failures.append(f"{who} at {self._now():.4f} s: {what}")
        self.tell(who, f"FAILURE {what}")


@final
class LogWatch(logging.Handler):
    """Takes the product's log: into the trace, and errors with a traceback as failures."""

    def __init__(self, chronicle: Chronicle, who: Callable[[], str]) -> None:
        super().__init__()
        self._chronicle = chronicle
        self._who = who

    def emit(self, record: logging.LogRecord) -> None:
        """Takes one record."""
        error = record.exc_info[1] if record.exc_info else None
        text = record.getMessage()
        if record.levelno >= logging.ERROR and error is not None:
            self._chronicle.fail(self._who(), f"{text}: {told(error)}")
        else:
            self._chronicle.tell(self._who(), text)

    def __enter__(self) -> "LogWatch":
        root = logging.getLogger()
        self._before = (root.level, root.handlers[:])
        root.setLevel(logging.INFO if self._chronicle.tells else logging.ERROR)
        root.handlers[:] = [self]
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.setLevel(self._before[0])
        root.handlers[:] = self._before[1]


def told(error: BaseException) -> str:
    """An error in a line; of a group the first that is in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
