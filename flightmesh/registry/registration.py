"""The node's registration in the registry: made for a session, kept alive, given up with it."""

import asyncio
import logging
from collections.abc import Callable
from typing import final

from flightmesh.clock import Clock
from flightmesh.errors import OutcomeUnknown, RetryableError
from flightmesh.registry import Delete, Put, Registry
from flightmesh.runtime.logs import fields
from flightmesh.sharding.shard_map import NodeRegistration, encode_registration, registration_key

_log = logging.getLogger(__name__)


@final
class RegistrationKeeper:
    """Keeps one session's registration in force.

    A lost lease alone changes nothing: the session registers again under its id (rule 10).

    Args:
        registry: where nodes register.
        describe: the registration as it is to be now.
        ttl_s: life of the lease without renewal.
        clock: for pauses.
    """

    def __init__(
        self,
        registry: Registry,
        describe: Callable[[], NodeRegistration],
        ttl_s: float,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._describe = describe
        self._ttl_s = ttl_s
        self._clock = clock
        self._lease = 0
        self._written: NodeRegistration | None = None
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Registers, and keeps the registration in force until cancelled."""
        while True:
            try:
                await self.renew()
            except (RetryableError, OutcomeUnknown) as error:
                _log.warning("registration not renewed: %s", error, extra=self._about())
            await self._clock.sleep(self._ttl_s / 4)

    async def renew(self) -> None:
        """Registers if that is needed, else renews the lease.

        Raises:
            Unavailable: the registry cannot be reached.
        """
        # One at a time: a renewal that is slow must not undo what a later one has written.
        async with self._lock:
            # Once more where the lease ended between its being granted and the registration.
            if not await self._renew_once():
                await self._renew_once()

    async def _renew_once(self) -> bool:
        if self._lease and not await self._registry.keep_alive(self._lease):
            _log.info("lease lost, registering again", extra=self._about())
            self._lease, self._written = 0, None
        if not self._lease:
            self._lease = await self._registry.grant_lease(self._ttl_s)
        elif self._written and not await self._in_force(self._written):
            _log.info("registration lost, registering again", extra=self._about())
            self._written = None
        wanted = self._describe()
        if wanted != self._written:
            put = Put(registration_key(wanted), encode_registration(wanted), self._lease)
            if not (await self._registry.transact((), (put,))).succeeded:
                self._lease, self._written = 0, None
                return False
            self._written = wanted
        return True

    async def _in_force(self, written: NodeRegistration) -> bool:
        """Whether the registration is as it was written.

        A live lease does not say so: a registry restored from a backup may hold the lease without
        its key, or with an older value. A key under another lease is left to whoever wrote it.
        """
        key, value = registration_key(written), encode_registration(written)
        for item in (await self._registry.list_prefix(key)).items:
            if item.key == key:
                return item.lease != self._lease or item.value == value
        return False

    def _about(self) -> dict[str, dict[str, object]]:
        registration = self._describe()
        if registration.session:
            return fields(node=registration.name, session=registration.session)
        return fields(node=registration.name)

    async def give_up(self) -> None:
        """Takes the registration away; the lease's end does it if the registry is away."""
        async with self._lock:
            if not self._lease:
                return
            try:
                # Also where nobody knows whether the registration was written.
                key = registration_key(self._written or self._describe())
                await self._registry.transact((), (Delete(key),))
                await self._registry.revoke_lease(self._lease)
            except (RetryableError, OutcomeUnknown) as error:
                _log.warning("registration not given up: %s", error, extra=self._about())
            self._lease, self._written = 0, None
