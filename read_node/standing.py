"""A read node's standing among its like: its registration, and whether it keeps up.

Each change of a registration is a write that all processes hear of. So the position and the lag
are told again only every few seconds, or when the lag has changed by much; whether the node lags
is told at once.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final, final

from flightmesh.clock import Clock
from flightmesh.errors import OutcomeUnknown, RetryableError
from flightmesh.registry import Registry
from flightmesh.registry.registration import RegistrationKeeper
from flightmesh.runtime.logs import fields
from flightmesh.sharding.shard_map import LAGGING, NodeRegistration
from read_node.follower import Follower
from read_node.lag import LagLimits, LagWatch

_log = logging.getLogger(__name__)

_AGAIN_S: Final = 5.0
_SMALL_S: Final = 0.5
_MUCH: Final = 2


@final
class Standing:
    """Watches a follower's lag and keeps its node registered.

    Args:
        follower: whose lag is watched.
        limits: when it lags.
        clock: for intervals.
        describe: the registration, given what changes in its `extra`.

    Attributes:
        watch: the lag.
    """

    def __init__(
        self,
        follower: Follower,
        limits: LagLimits,
        clock: Clock,
        describe: Callable[[Mapping[str, str]], NodeRegistration],
    ) -> None:
        self._follower = follower
        self._limits = limits
        self._clock = clock
        self._describe = describe
        self._keeper: RegistrationKeeper | None = None
        self._told: tuple[bool, float, float] | None = None
        self._registration: NodeRegistration | None = None
        self.watch = LagWatch(limits)

    async def watch_lag(self) -> None:
        """Looks at the lag again and again, from the time that the model has caught up."""
        await self._follower.ready.wait()
        while True:
            if self.watch.observe(self._clock.monotonic_s(), self._follower.lag_s()):
                await self._tell()
            await self._clock.sleep(self._limits.check_s)

    async def stay_registered(self, registry: Registry, ttl_s: float) -> None:
        """Registers once the model has caught up, and stays so until cancelled.

        Nobody is sent to a node before that.
        """
        await self._follower.ready.wait()
        self._keeper = RegistrationKeeper(registry, self.registration, ttl_s, self._clock)
        await self._keeper.run()

    async def give_up(self) -> None:
        """Takes the registration away; `stay_registered` must have ended."""
        if self._keeper is not None:
            await self._keeper.give_up()

    def registration(self) -> NodeRegistration:
        """The registration as it is to be now."""
        now, watch = self._clock.monotonic_s(), self.watch
        if self._registration is None or self._is_due(now):
            self._told = watch.lagging, watch.lag_s, now
            extra = {
                "position": self._follower.progress.token(),
                "lag_ms": str(round(watch.lag_s * 1000)),
            }
            if watch.lagging:
                extra[LAGGING] = "yes"
            self._registration = self._describe(extra)
        return self._registration

    def _is_due(self, now_s: float) -> bool:
        if self._told is None:
            return True
        lagging, lag_s, at = self._told
        if lagging is not self.watch.lagging or now_s - at >= _AGAIN_S:
            return True
        smaller, greater = sorted((lag_s, self.watch.lag_s))
        return greater - smaller > _SMALL_S and greater > _MUCH * smaller

    async def _tell(self) -> None:
        if self.watch.lagging:
            seconds = round(self.watch.lag_s, 3)
            named = fields(seconds=seconds, entries=self._follower.behind)
            _log.warning("lags behind the ledgers", extra=named)
        else:
            _log.info("keeps up again")
        if self._keeper is not None:
            try:
                await self._keeper.renew()
            except (RetryableError, OutcomeUnknown) as error:
                # The keeper's next renewal tells it.
                _log.warning("the registry is not told of the lag: %s", error)
