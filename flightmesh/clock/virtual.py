"""A clock and randomness that tests drive."""

import random
from typing import final

from flightmesh.clock import Clock


@final
class ManualClock:
    """A clock that stands still until `advance`; `sleep` moves it on at once."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        """Microseconds since 1970 UTC, as set."""
        return self._now_us

    def monotonic_s(self) -> float:
        """The same, in seconds."""
        return self._now_us / 1e6

    async def sleep(self, seconds: float) -> None:
        """Moves the clock on."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Moves the clock on."""
        self._now_us += int(seconds * 1e6)


@final
class SeededRandomness:
    """Reproducible bits."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose

    def bits(self, count: int) -> int:
        """A uniformly distributed integer of `count` bits."""
        return self._random.getrandbits(count)


_: type[Clock] = ManualClock
