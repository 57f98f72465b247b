"""Logging a trouble that is met again and again: its beginning, its end, and now and then between.

A store that is away is asked ten times a second; one line for each try would bury the others.
"""

import logging
from collections.abc import Callable
from typing import Final, final

from flightmesh.runtime.logs import fields

_REMIND_S: Final = 60.0


@final
class Trouble:
    """One kind of trouble of one part.

    Args:
        log: where it is logged.
        what: what is going on meanwhile, a clause: "the index lags behind".
        now_s: monotonic time.
        level: level of its lines; its end is told at INFO.
    """

    def __init__(
        self,
        log: logging.Logger,
        what: str,
        now_s: Callable[[], float],
        level: int = logging.WARNING,
    ) -> None:
        self._log = log
        self._what = what
        self._now_s = now_s
        self._level = level
        self._repeats = 0
        self._began_s = 0.0
        self._told_s = 0.0

    @property
    def lasts(self) -> bool:
        """Whether it was met and is not over."""
        return self._repeats > 0

    def met(self, error: Exception, **about: object) -> None:
        """It was met; `about` are fields of the log."""
        now_s = self._now_s()
        self._repeats += 1
        if self._repeats == 1:
            self._began_s = now_s
        elif now_s - self._told_s < _REMIND_S:
            return
        self._told_s = now_s
        named = fields(**about, repeats=self._repeats)
        self._log.log(self._level, "%s: %s", self._what, error, extra=named)

    def over(self, **about: object) -> None:
        """It went well; tells so if it had not before."""
        if not self._repeats:
            return
        seconds = round(self._now_s() - self._began_s, 3)
        named = fields(**about, repeats=self._repeats, seconds=seconds)
        self._log.info("over: %s", self._what, extra=named)
        self._repeats = 0
