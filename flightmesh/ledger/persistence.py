"""Repeating a request, unchanged, until the store gives a definite answer (rule 17)."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from flightmesh.clock import Clock
from flightmesh.errors import OutcomeUnknown, StoreUnavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between repeats: each longer than the last by `factor`, up to a limit.

    Attributes:
        first_s: the first pause, seconds.
        longest_s: the longest pause, seconds.
        factor: growth from pause to pause.
    """

    first_s: float = 0.02
    longest_s: float = 1.0
    factor: float = 2.0

    def after(self, pause_s: float) -> float:
        """The pause that follows one of `pause_s` seconds."""
        return min(pause_s * self.factor, self.longest_s)


DEFAULT_BACKOFF = Backoff()


async def until_definite(
    request: Callable[[], Awaitable[T]],
    clock: Clock,
    backoff: Backoff = DEFAULT_BACKOFF,
    on_repeat: Callable[[], None] | None = None,
    about: Mapping[str, object] | None = None,
) -> T:
    """Sends a request until it is answered.

    Rule 17: nothing else may be sent for the ledger meanwhile; so the caller awaits this, and there
    is no limit of time. Once one try had an unknown outcome, a later "not applied" by
    `StoreUnavailable` says nothing of the first: only an answer ends the repeats.

    Args:
        request: sends the identical request each time.
        clock: for the pauses.
        backoff: the pauses.
        on_repeat: called before each repeat, for statistics.
        about: what the request is about, for logs; see `flightmesh.runtime.logs.fields`.
    """
    pause_s, repeats = backoff.first_s, 0
    while True:
        try:
            answer = await request()
        except (OutcomeUnknown, StoreUnavailable) as error:
            if repeats == 0:
                _log.warning("the ledger store gives no answer, repeating: %s", error, extra=about)
        else:
            if repeats:
                _log.info("the ledger store answered after %d repeats", repeats, extra=about)
            return answer
        repeats += 1
        if on_repeat is not None:
            on_repeat()
        await clock.sleep(pause_s)
        pause_s = backoff.after(pause_s)
