"""One leadership, from election to step-down: looks, plans, writes, acts, again and again.

Acting never waits: seals, assignments and releases run beside the loop and wake it when they are
answered. Everything a step needs is read anew or was learned in this leadership.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast, final

from coordinator.config import CoordinatorConfig
from coordinator.failure_detector import FailureDetector
from coordinator.map_store import MapStore
from coordinator.node_client import AssignAnswer, ShardNodeClient
from coordinator.node_link import NodeLink
from coordinator.planner import Learned, Plan, View, candidates, plan
from flightmesh.clock import Clock
from flightmesh.election import LeaderElection
from flightmesh.errors import OutcomeUnknown, StoreError, Unavailable
from flightmesh.journal import Claims, Constants, Journal
from flightmesh.registry import Registry
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import (
    NODES_PREFIX,
    NodeRegistration,
    ShardAssignment,
    ShardMap,
    ShardState,
)

_log = logging.getLogger(__name__)
_CLAIMS_INTERVAL_S = 10.0


class Seal(Protocol):
    """Seals a session's ledger for ever; returns when that is definite."""

    def __call__(self, ledger: int) -> Awaitable[object]:
        """Seals the ledger of that number; idempotent."""


@dataclass(frozen=True, slots=True)
class LeaderPorts:
    """What a leader works with.

    Attributes:
        registry: the registry.
        journal: for the directory of ledgers.
        claims: the claims.
        clock: time.
        connect: gives the client of the shard node at host:port.
        seal: seals a ledger.
        constants: those of the store.
    """

    registry: Registry
    journal: Journal
    claims: Claims
    clock: Clock
    connect: Callable[[str], ShardNodeClient]
    seal: Seal
    constants: Constants


@final
class Leader:
    """One leadership.

    Args:
        config: settings.
        election: the election that was won.
        ports: what it works with.
    """

    def __init__(
        self, config: CoordinatorConfig, election: LeaderElection, ports: LeaderPorts
    ) -> None:
        self._config = config
        self._election = election
        self._ports = ports
        self._clock = ports.clock
        self._store = MapStore(ports.registry, election)
        self._tasks = TaskOwner(f"leader-{election.token}")
        self._detector = FailureDetector(
            config.silence_s, config.connect_grace_s, config.isolation_patience_s
        )
        self._wake = asyncio.Event()
        self._links: dict[int, NodeLink] = {}
        self._sealing: set[int] = set()
        self._moving_since_s: dict[tuple[int, int], float] = {}
        self._claims_read_s: float | None = None
        self._members: frozenset[int] = frozenset()
        self._members_since_s = self._clock.monotonic_s()
        self._lost = False
        self.learned = Learned(may_place=False, may_balance=True)
        self.view = View(ports.constants.shard_count, {}, {}, {}, frozenset())
        self._session_nodes: dict[int, str] = {}

    async def lead(self) -> None:
        """Leads until the leadership is lost or this is cancelled."""
        self._tasks.start(self._renew(), "renew")
        self._tasks.start(self._tick(), "tick")
        self._tasks.start(self._follow_nodes(), "follow-nodes")
        try:
            while self._election.leads() and not self._lost:
                self._wake.clear()
                try:
                    await self.step()
                except (Unavailable, StoreError) as error:
                    _log.warning("leader: the step is put off: %s", error)
                await self._wake.wait()
        finally:
            await self._tasks.stop()

    def wake(self) -> None:
        """Has the leader look again at once."""
        self._wake.set()

    async def step(self) -> Plan:
        """Looks once, writes what follows and begins to act on it.

        Raises:
            Unavailable: the registry cannot be reached.
            StoreError: the ledger store cannot be reached.
        """
        await self._look()
        next_step = plan(self.view, self.learned, self._config.limits)
        if next_step.changed:
            await self._write(next_step)
        elif next_step.balanced:
            # Balance is sought after each change of the nodes, not for ever: else an operator's
            # move would be undone.
            self.learned.may_balance = False
        self._act()
        return next_step

    @property
    def shard_map(self) -> ShardMap:
        """The map as last read or written."""
        return ShardMap.of(self.view.shard_count, 0, self.view.rows.values())

    async def drain(self, node: str, session: int) -> None:
        """Keeps the wish to relieve a node's session.

        Raises:
            Unavailable: the registry cannot be reached, or the leadership is lost.
        """
        if not await self._store.write_drain(node, session):
            raise Unavailable("this coordinator no longer leads")
        self.wake()

    async def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        rows = await self._store.read_rows()
        nodes = await self._store.read_nodes()
        drains = await self._store.read_drains()
        claims = self.view.claims
        if self._claims_are_due(rows, now_s):
            await self._store.state_constants(self._ports.constants)
            await self._store.forget_drains(sorted(nodes))
            claims = await self._ports.claims.read_claims()
            directory = await self._ports.journal.list_directory()
            self._session_nodes = {row.ledger: row.node for row in directory}
            self._claims_read_s = now_s
        draining = drains | {session for session, node in nodes.items() if node.draining}
        self.view = View(self.view.shard_count, rows, nodes, claims, frozenset(draining))
        self._learn(now_s)

    def _claims_are_due(self, rows: Mapping[int, ShardAssignment], now_s: float) -> bool:
        if self._claims_read_s is None or now_s - self._claims_read_s > _CLAIMS_INTERVAL_S:
            return True
        # Rows that the registry lost are found again in the claims.
        return len(rows) < self.view.shard_count

    def _learn(self, now_s: float) -> None:
        learned = self.learned
        self._detector.look(now_s, self._config.tick_s)
        self._watch_sessions(now_s)
        gone = {session for session, link in self._links.items() if link.gone}
        # Who holds nothing is only passed over while it is missing: there is nothing to fence.
        suspects = self._detector.suspects(now_s) & self._holders()
        for session in gone | suspects | self._superseded() | self._overdue(now_s):
            if session not in learned.dead:
                _log.info("session %d is to be fenced", session)
                learned.dead.add(session)
                self._detector.suspected(session, now_s)
        learned.alive = {session for session in self._links if self._detector.alive(session, now_s)}
        self._note_members(now_s)

    def _holders(self) -> set[int]:
        """Sessions that the map names, or that claim what the map has lost."""
        return {row.session for row in self.view.rows.values()} | {
            claim.holder
            for claim in self.view.claims.values()
            if claim.shard not in self.view.rows and not claim.released
        }

    def _watch_sessions(self, now_s: float) -> None:
        """Expects signs of life of every session that is registered or holds a shard."""
        wanted = {s: (self._session_nodes.get(s, ""), "") for s in self._holders() if s}
        for row in self.view.rows.values():
            if row.session:
                wanted[row.session] = (row.node, row.address)
        for session, node in self.view.nodes.items():
            wanted[session] = (node.name, node.address)
        for session, (name, address) in wanted.items():
            if session in self.learned.dead:
                continue
            self._detector.watch(session, name, now_s)
            if address and session not in self._links:
                self._link(session, address)
        for session in list(self._links):
            # Neither registered, nor heard, nor with a shard: it has left. A fenced one is over.
            left = session not in wanted and not self._detector.alive(session, now_s)
            if left or session in self.learned.fenced:
                self._links.pop(session).close()
                self._detector.forget(session)

    def _link(self, session: int, address: str) -> None:
        link = self._links[session] = NodeLink(
            session,
            self._ports.connect(address),
            clock=self._clock,
            tasks=self._tasks,
            timeout_s=self._config.call_timeout_s,
            on_news=self.wake,
        )

        def heard() -> None:
            now_s = self._clock.monotonic_s()
            if not self._detector.alive(session, now_s):
                self.wake()
            self._detector.heard(session, now_s)

        def broken() -> None:
            self._detector.broken(session, self._clock.monotonic_s())

        link.listen(heard, broken)

    def _superseded(self) -> set[int]:
        """Sessions of nodes that have registered a newer one (rule 10)."""
        newest: dict[str, int] = {}
        for session, node in self.view.nodes.items():
            newest[node.name] = max(newest.get(node.name, 0), session)
        holders = {
            row.session: row.node or self._session_nodes.get(row.session, "")
            for row in self.view.rows.values()
        }
        for claim in self.view.claims.values():
            holders.setdefault(claim.holder, self._session_nodes.get(claim.holder, ""))
        holders.update((session, node.name) for session, node in self.view.nodes.items())
        return {s for s, name in holders.items() if s and newest.get(name, 0) > s}

    def _overdue(self, now_s: float) -> set[int]:
        """Owners that have not confirmed a release in time: in doubt, seal (rule 8)."""
        moving = {
            (row.shard, row.epoch): row.session
            for row in self.view.rows.values()
            if row.state is ShardState.MOVING
        }
        since = self._moving_since_s
        self._moving_since_s = {key: since.get(key, now_s) for key in moving}
        limit_s = now_s - self._config.release_timeout_s
        return {moving[key] for key, at in self._moving_since_s.items() if at < limit_s}

    def _note_members(self, now_s: float) -> None:
        members = frozenset(c.session for c in candidates(self.view, self.learned))
        if members != self._members:
            self._members, self._members_since_s = members, now_s
            self.learned.may_balance = True
        settled = now_s - self._members_since_s >= self._config.settle_s
        # At a cold start the first node would get everything; after a failure haste is better.
        anything_served = any(
            row.state is ShardState.ACTIVE and row.session in members
            for row in self.view.rows.values()
        )
        self.learned.may_place = bool(members) and (settled or anything_served)

    async def _write(self, next_step: Plan) -> None:
        try:
            written = await self._store.write_rows(next_step.changed)
        except OutcomeUnknown:
            written = False
        if not written:
            # Looks again with the next tick, not at once: whatever stood against it may last.
            self._lost = not await self._store.still_leads()
            return
        rows = {**self.view.rows, **{row.shard: row for row in next_step.changed}}
        self.view = replace(self.view, rows=rows)
        for row in next_step.changed:
            self.learned.wishes.pop(row.shard, None)
        self.wake()

    def _act(self) -> None:
        assign: dict[int, dict[int, int]] = {}
        release: dict[int, dict[int, int]] = {}
        for row in self.view.rows.values():
            link = self._links.get(row.session)
            if row.state is ShardState.TAKING_OVER:
                self._seal(row.session)
            elif link is None or row.session in self.learned.dead:
                continue
            elif row.state is ShardState.MOVING:
                if self.learned.released.get(row.shard) != (row.epoch, row.session):
                    release.setdefault(row.session, {})[row.shard] = row.epoch
            elif link.confirmed.get(row.shard) != row.epoch:
                assign.setdefault(row.session, {})[row.shard] = row.epoch
        for session, shards in assign.items():
            self._links[session].assign(shards, self._on_assigned)
        for session, shards in release.items():
            self._release(session, shards)

    def _release(self, session: int, shards: Mapping[int, int]) -> None:
        def on_released(released: Mapping[int, int]) -> None:
            for shard, epoch in released.items():
                if epoch >= shards.get(shard, epoch + 1):
                    self.learned.released[shard] = (shards[shard], session)

        self._links[session].release(shards, on_released)

    def _on_assigned(self, asked: Mapping[int, int], answer: AssignAnswer) -> None:
        for shard, epoch in asked.items():
            owned = answer.owned.get(shard)
            if owned == epoch:
                self.learned.ignored.pop(shard, None)
                self.learned.blocked.pop(shard, None)
            elif shard in answer.blocked:
                self.learned.blocked[shard] = (epoch, answer.blocked[shard])
            else:
                self.learned.ignored[shard] = (epoch, self._epoch_beyond(shard, epoch, owned))

    def _epoch_beyond(self, shard: int, epoch: int, owned: int | None) -> int:
        if owned is not None and owned > epoch:
            return owned
        # The session has released a higher epoch, which only it knows: find it by doubling steps.
        before, after = self.learned.ignored.get(shard, (epoch, epoch + 1))
        return epoch + (2 * (after - before) if after == epoch else 1)

    def _seal(self, session: int) -> None:
        if session not in self.learned.fenced and session not in self._sealing:
            self._sealing.add(session)
            self.learned.dead.add(session)
            self._tasks.start(self._seal_ledger(session), f"seal-{session}")

    async def _seal_ledger(self, session: int) -> None:
        try:
            await self._ports.seal(session)
            self.learned.fenced.add(session)
            _log.info("ledger %d is sealed", session)
        except StoreError as error:
            _log.warning("ledger %d cannot be sealed yet: %s", session, error)
        finally:
            self._sealing.discard(session)
            self.wake()

    async def _renew(self) -> None:
        while self._election.leads():
            await self._clock.sleep(self._config.lease_ttl_s / 3)
            try:
                if not await self._election.renew():
                    break
            except Unavailable as error:
                _log.warning("leader: the lease cannot be renewed: %s", error)
        self._lost = True
        self.wake()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(self._config.tick_s)
            self.wake()

    async def _follow_nodes(self) -> None:
        while True:
            try:
                watch = self._ports.registry.watch_prefix(NODES_PREFIX)
                async with aclosing(cast(Any, watch)):
                    async for _ in watch:
                        self.wake()
            except Unavailable as error:
                _log.info("leader: the watch broke: %s", error)
            await self._clock.sleep(0.5)


def node_of(view: View, name: str) -> NodeRegistration | None:
    """The newest registration of a shard node's name."""
    nodes = [node for node in view.nodes.values() if node.name == name]
    return max(nodes, key=lambda node: node.session, default=None)
