"""How far a read node lags, and whether that is so far that others should be asked. Pure.

Lag is the age of what is committed and not applied, as far as the node can know: see
`Follower.lag_s`. A node that lags is marked at once and unmarked only when it has kept up for a
while, so that it does not come and go while it is at its limit.
"""

from dataclasses import dataclass
from typing import final

from flightmesh.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class LagLimits:
    """When a node lags.

    Attributes:
        lagging_s: seconds of lag above which it does.
        kept_up_s: seconds of lag up to which it keeps up.
        steady_s: seconds for which it must have kept up before it is unmarked.
        check_s: seconds between two looks.
    """

    lagging_s: float = 2.0
    kept_up_s: float = 0.5
    steady_s: float = 3.0
    check_s: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.kept_up_s <= self.lagging_s or self.steady_s < 0 or self.check_s <= 0:
            raise ConfigurationError("lag limits must be positive, and kept_up_s at most lagging_s")


@final
class LagWatch:
    """Tells from a node's lag, looked at again and again, whether it lags.

    Args:
        limits: when it does.

    Attributes:
        lagging: whether it does now.
        lag_s: the lag as last seen.
        marked: how often it began to.
    """

    def __init__(self, limits: LagLimits) -> None:
        self._limits = limits
        self._kept_up_since: float | None = None
        self.lagging = False
        self.lag_s = 0.0
        self.marked = 0

    def observe(self, now_s: float, lag_s: float) -> bool:
        """Takes note of the lag now; returns whether `lagging` has changed."""
        self.lag_s = lag_s
        if lag_s > self._limits.kept_up_s:
            self._kept_up_since = None
        elif self._kept_up_since is None:
            self._kept_up_since = now_s
        if not self.lagging and lag_s > self._limits.lagging_s:
            self.lagging = True
            self.marked += 1
            return True
        since = self._kept_up_since
        if self.lagging and since is not None and now_s - since >= self._limits.steady_s:
            self.lagging = False
            return True
        return False
