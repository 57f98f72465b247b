"""A shard node: one session after another, its registration, start, drain and stop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, final

from flightmesh.errors import FlightmeshError, SessionFenced, Unavailable
from flightmesh.ledger.persistence import Backoff
from flightmesh.registry import Registry
from flightmesh.registry.registration import RegistrationKeeper
from flightmesh.runtime.logs import fields
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import FIRST_SESSION, NodeRegistration, NodeRole
from shard_node.config import ShardNodeConfig
from shard_node.entry_queue import EntryWriter
from shard_node.ownership import ShardEpoch
from shard_node.session import Session, SessionPorts
from shard_node.slot import SlotStatus

_log = logging.getLogger(__name__)

_BIRTH_PAUSE_S = 0.1
# After failures: the first new session at once, the next ones after these pauses, until one has
# lived for a while.
_FAILURES = Backoff(first_s=0.5, longest_s=30.0)
_STEADY_S = 60.0

T = TypeVar("T")


@final
class ShardNode:
    """Runs sessions: when one is fenced, the next is born and registers.

    Args:
        config: settings.
        ports: what sessions are wired to.
        give_birth: creates a new session's ledger.
        registry: where the node registers.
        shard_of: shard of an aggregate.

    Attributes:
        config: settings.
        counters: what it counts.
    """

    def __init__(
        self,
        config: ShardNodeConfig,
        ports: SessionPorts,
        give_birth: Callable[[], Awaitable[EntryWriter]],
        registry: Registry,
        shard_of: Callable[[str], int],
    ) -> None:
        self.config = config
        self.counters = ports.counters
        self._ports = ports
        self._give_birth = give_birth
        self._registry = registry
        self._shard_of = shard_of
        self._tasks = TaskOwner(f"shard-node-{config.name}")
        self._session: Session | None = None
        self._ended: asyncio.Queue[Session] = asyncio.Queue(1)
        self._keeper: RegistrationKeeper | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._draining = False
        self._first_session = 0
        self._address = config.address

    @property
    def session(self) -> Session:
        """The session now.

        Raises:
            Unavailable: there is none just now.
        """
        if self._session is None or self._session.ended:
            raise Unavailable(f"shard node {self.config.name} has no session just now")
        return self._session

    @property
    def has_session(self) -> bool:
        """Whether the node has a session that has not ended."""
        return self._session is not None and not self._session.ended

    @property
    def serving(self) -> int:
        """Number of shards that take commands now."""
        if self._session is None:
            return 0
        slots = self._session.ownership.slots.values()
        return sum(slot.status is SlotStatus.ACTIVE for slot in slots)

    @property
    def draining(self) -> bool:
        """Whether the node asks to be relieved of its shards."""
        return self._draining

    # --- life -------------------------------------------------------------------------------

    async def start(self, address: str = "") -> None:
        """Begins the first session and registers it.

        Args:
            address: gRPC host:port that others reach the node by, if only known now.
        """
        self._address = address or self._address
        await self._begin()
        self._tasks.start(self._succeed(), "sessions")

    async def _begin(self) -> None:
        while True:
            try:
                writer = await self._give_birth()
                break
            except FlightmeshError as error:
                named = fields(node=self.config.name)
                _log.warning("no session could be born: %s", error, extra=named)
                await self._ports.clock.sleep(_BIRTH_PAUSE_S)
        session = Session(writer, self._ports, self.config, self._shard_of, self._ended.put_nowait)
        session.start()
        self._session = session
        self.counters.sessions += 1
        self._first_session = self._first_session or session.id
        named = fields(node=self.config.name, session=session.id, ledger=session.id)
        _log.info("session begins", extra=named)
        keeper = RegistrationKeeper(
            self._registry,
            lambda: self._registration(session),
            self.config.lease_ttl_s,
            self._ports.clock,
        )
        self._keeper = keeper
        try:
            await keeper.renew()
        except FlightmeshError as error:
            _log.warning("not registered yet: %s", error, extra=named)
        self._keeping = self._tasks.start(keeper.run(), "registration")

    def _registration(self, session: Session) -> NodeRegistration:
        return NodeRegistration(
            self.config.name,
            NodeRole.SHARD_NODE,
            self._address,
            self.config.pid,
            session.id,
            self._draining,
            {**self.config.extra, FIRST_SESSION: str(self._first_session)},
        )

    async def _succeed(self) -> None:
        """Puts a new session in the place of each that ends.

        At once after a fencing; after failures one upon another with growing pauses, so that a
        node that cannot recover does not fill the directory with ledgers.
        """
        clock = self._ports.clock
        pause_s = 0.0
        while True:
            began_s = clock.monotonic_s()
            session = await self._ended.get()
            await self._give_up_registration()
            await session.stop()
            if not session.failed or clock.monotonic_s() - began_s > _STEADY_S:
                pause_s = 0.0
            elif pause_s:
                await clock.sleep(pause_s)
            self._count_end(session)
            if session.failed:
                pause_s = _FAILURES.after(pause_s) if pause_s else _FAILURES.first_s
            await self._begin()

    def _count_end(self, session: Session) -> None:
        if session.failed:
            self.counters.failed += 1
        else:
            self.counters.fenced += 1

    async def _give_up_registration(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait((self._keeping,))
            self._keeping = None
        if self._keeper is not None:
            await self._keeper.give_up()

    async def drain(
        self, timeout_s: float | None = None, possible: Callable[[], bool] = lambda: True
    ) -> bool:
        """Asks to be relieved of all shards and waits for it; whether that was done.

        Args:
            timeout_s: longest wait; the configured one if not given.
            possible: whether there is anybody to take the shards; the wait ends where there is not.
        """
        self._draining = True
        if self._keeper is not None:
            try:
                await self._keeper.renew()
            except FlightmeshError as error:
                named = fields(node=self.config.name)
                _log.warning("cannot tell that this node drains: %s", error, extra=named)
        clock = self._ports.clock
        deadline = clock.monotonic_s() + (
            self.config.drain_timeout_s if timeout_s is None else timeout_s
        )
        while self._session is not None and self._session.ownership.slots:
            if clock.monotonic_s() >= deadline or not possible():
                return False
            await clock.sleep(0.05)
        return True

    async def stop(self) -> None:
        """Ends the session in order: writes what is decided, gives up the registration."""
        await self._tasks.stop()
        if self._session is not None:
            await self._session.stop()
        if self._keeper is not None:
            await self._keeper.give_up()

    # --- what the coordinator asks ------------------------------------------------------------

    async def assign(
        self, session: int, shards: Sequence[ShardEpoch]
    ) -> tuple[list[ShardEpoch], list[tuple[int, int]]]:
        """See Ownership.assign. Goes on if the caller goes away: claims are not left half done."""
        return await self._unbroken(self.session.ownership.assign(session, shards))

    async def release(self, session: int, shards: Sequence[ShardEpoch]) -> list[ShardEpoch]:
        """See Ownership.release. Goes on if the caller goes away."""
        return await self._unbroken(self.session.ownership.release(session, shards))

    async def _unbroken(self, change: Awaitable[T]) -> T:
        async def run() -> T | FlightmeshError:
            try:
                return await change
            except FlightmeshError as error:
                return error

        outcome: T | FlightmeshError = await asyncio.shield(self._tasks.start(run(), "claims"))
        if isinstance(outcome, FlightmeshError):
            raise outcome
        return outcome

    def fence(self) -> None:
        """Ends the session at once; for tests and for an operator's tool."""
        self.session.fence(SessionFenced("ended on request"))
