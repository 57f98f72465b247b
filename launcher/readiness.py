"""Waiting for a start that may take long, as long as it makes progress."""

import logging
from collections.abc import Callable
from typing import Final

from flightmesh.clock import Clock
from flightmesh.errors import Unavailable

_log = logging.getLogger(__name__)

_STANDSTILL_S: Final = 60.0
_TELL_EVERY_S: Final = 10.0
_PAUSE_S: Final = 0.01


async def until_ready(
    is_ready: Callable[[], bool], progress: Callable[[], dict[str, int]], clock: Clock
) -> None:
    """Returns when all is ready; logs how far it is every ten seconds.

    How long a replay takes depends on the journal, so there is no limit to it but this: it must
    not stand still. One that was given up would have to begin again, and end the same way.

    Args:
        is_ready: whether all is ready; what it raises is raised here.
        progress: counts that grow or fall as long as something happens, by name.
        clock: for pauses.

    Raises:
        Unavailable: nothing has changed for a minute.
    """
    seen = progress()
    changed_s = told_s = clock.monotonic_s()
    while not is_ready():
        await clock.sleep(_PAUSE_S)
        now_s, now = clock.monotonic_s(), progress()
        if now != seen:
            seen, changed_s = now, now_s
        elif now_s - changed_s > _STANDSTILL_S:
            raise Unavailable(f"the start stands still: {_in_words(seen)}")
        if now_s - told_s > _TELL_EVERY_S:
            told_s = now_s
            _log.warning("still starting: %s", _in_words(seen))


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in counts.items())
