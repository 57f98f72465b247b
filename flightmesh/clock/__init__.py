"""Time and randomness, injected everywhere: nothing else reads the clock of the machine.

`Clock` is the port; `SystemClock` the real one. Tests and the simulation use
`flightmesh.clock.virtual`.
"""

import asyncio
import secrets
import time
from typing import Protocol, final

from flightmesh.ids import CommandId, uuid7


class Clock(Protocol):
    """Source of time."""

    def now_us(self) -> int:
        """Wall-clock time, microseconds since 1970 UTC; may jump."""

    def monotonic_s(self) -> float:
        """Seconds since some fixed point; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Returns after that many seconds."""


class Randomness(Protocol):
    """Source of random bits."""

    def bits(self, count: int) -> int:
        """A uniformly distributed integer of `count` bits."""


@final
class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Wall-clock time, microseconds since 1970 UTC."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Returns after that many seconds."""
        await asyncio.sleep(seconds)


@final
class SystemRandomness:
    """The machine's source of cryptographic randomness."""

    def bits(self, count: int) -> int:
        """A uniformly distributed integer of `count` bits."""
        return secrets.randbits(count)


def new_command_id(clock: Clock, randomness: Randomness) -> CommandId:
    """A fresh UUIDv7."""
    return uuid7(clock.now_us() // 1000, randomness.bits(74))
