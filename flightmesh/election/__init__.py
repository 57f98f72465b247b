"""Leader election over the Registry port.

A lease says who should act, never who may write: everything a leader writes is guarded by the
create revision of its leader key, the fencing token, which rises with each leadership. The leader
also steps down by itself: before each renewal it takes the monotonic time, and past that time plus
the lease's length minus a margin it no longer counts itself as leader, whatever it has not heard.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Any, cast, final

from flightmesh.clock import Clock
from flightmesh.errors import OutcomeUnknown, Unavailable
from flightmesh.registry import Compare, Delete, Put, Registry
from flightmesh.sharding.shard_map import LEADER_KEY, NodeRegistration, encode_registration

_log = logging.getLogger(__name__)


@final
class LeaderElection:
    """One candidate's part in the election.

    Args:
        registry: where the leader key lives.
        candidate: what the leader key says while this candidate leads.
        clock: time of the step-down deadline.
        ttl_s: length of the lease.
        margin_s: how long before the lease's end the leader steps down.
    """

    def __init__(
        self,
        registry: Registry,
        candidate: NodeRegistration,
        clock: Clock,
        ttl_s: float = 10.0,
        margin_s: float = 1.0,
    ) -> None:
        self._registry = registry
        self._value = encode_registration(candidate)
        self._clock = clock
        self._ttl_s = ttl_s
        self._margin_s = margin_s
        self._lease = 0
        self._token = 0
        self._deadline_s = 0.0

    @property
    def token(self) -> int:
        """Fencing token of the present or last leadership; 0 if there was none."""
        return self._token

    def leads(self) -> bool:
        """Whether this candidate may still act as leader, by its own clock."""
        return self._lease != 0 and self._clock.monotonic_s() < self._deadline_s

    async def campaign(self) -> int:
        """Waits until this candidate leads; returns the token."""
        while True:
            try:
                watch = self._registry.watch_prefix(LEADER_KEY)
                async with aclosing(cast(Any, watch)):
                    if await self.try_to_lead():
                        return self._token
                    # Looks again after a lease's length even without news: a watch may lose it.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._ttl_s):
                            await anext(watch)
            except (Unavailable, OutcomeUnknown) as error:
                _log.warning("election: the registry cannot be reached: %s", error)
                await self._clock.sleep(min(1.0, self._ttl_s / 3))

    async def try_to_lead(self) -> bool:
        """One attempt; False while another leads.

        Raises:
            Unavailable: the registry cannot be reached.
        """
        if (await self._registry.list_prefix(LEADER_KEY)).items:
            return False
        # Taken before the lease is asked for: the lease ends no earlier than this plus its length.
        began_s = self._clock.monotonic_s()
        lease = await self._registry.grant_lease(self._ttl_s)
        with suppress(OutcomeUnknown):
            await self._registry.transact(
                [Compare(LEADER_KEY, create_revision=0)], [Put(LEADER_KEY, self._value, lease)]
            )
        # Reading tells the truth for an unknown outcome too: our lease is on the key or it is not.
        for item in (await self._registry.list_prefix(LEADER_KEY)).items:
            if item.lease == lease:
                self._lease, self._token = lease, item.create_revision
                self._deadline_s = began_s + self._ttl_s - self._margin_s
                return True
        # A put that arrives late finds its lease gone and does nothing.
        await self._registry.revoke_lease(lease)
        return False

    async def renew(self) -> bool:
        """Prolongs the leadership; False if it is lost.

        Raises:
            Unavailable: the registry cannot be reached; the step-down deadline stands.
        """
        if not self.leads():
            return False
        began_s = self._clock.monotonic_s()
        if not await self._registry.keep_alive(self._lease):
            self._lease = 0
            return False
        self._deadline_s = began_s + self._ttl_s - self._margin_s
        return True

    async def resign(self) -> None:
        """Ends the leadership at once, so that another need not wait for the lease. Idempotent."""
        lease, self._lease = self._lease, 0
        if lease:
            with suppress(Unavailable):
                await self._registry.revoke_lease(lease)

    def fence(self) -> Compare:
        """The condition under which a leader writes: that its leader key is still the same one."""
        return Compare(LEADER_KEY, create_revision=self._token)

    async def write(self, compares: Sequence[Compare], writes: Sequence[Put | Delete]) -> bool:
        """Writes as leader: False if a condition, the leadership included, did not hold.

        Raises:
            Unavailable: nothing was written, or the leadership's own deadline has passed.
            OutcomeUnknown: it may have been written, or may still be.
        """
        if not self.leads():
            raise Unavailable("this coordinator no longer leads")
        result = await self._registry.transact([self.fence(), *compares], writes)
        return result.succeeded
