"""How long to wait before asking again. Pure."""

from dataclasses import dataclass

from flightmesh.clock import Randomness


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with jitter of half to one and a half: callers do not come back together.

    Attributes:
        first_s: mean wait after the first failure, seconds.
        longest_s: bound of the mean, seconds.
    """

    first_s: float = 0.02
    longest_s: float = 0.5

    def delay_s(self, attempt: int, randomness: Randomness) -> float:
        """Wait after the attempt of that number, from 0."""
        mean = min(self.longest_s, self.first_s * (1 << min(attempt, 16)))
        return mean * (0.5 + randomness.bits(16) / 65536)
