"""One leadership, from election to step-down: looks, plans, writes, acts, again and again.

Acting never waits: seals, assignments and releases run beside the loop and wake it when they are
answered. Everything a step needs is read anew or was learned in this leadership. Where nothing has
happened, what was read last is good for a second: signs of life are looked at more often than that.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final, cast, final

from coordinator.actions import Actions
from coordinator.config import CoordinatorConfig
from coordinator.map_store import MapStore
from coordinator.planner import Learned, Plan, View, candidates, plan
from coordinator.ports import LeaderPorts
from coordinator.sessions import Sessions
from flightmesh.election import LeaderElection
from flightmesh.errors import OutcomeUnknown, StoreError, Unavailable
from flightmesh.runtime.logs import fields
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.runtime.trouble import Trouble
from flightmesh.sharding.shard_map import (
    NODES_PREFIX,
    NodeRegistration,
    ShardAssignment,
    ShardMap,
    ShardState,
)

_log = logging.getLogger(__name__)
_CLAIMS_INTERVAL_S: Final = 10.0
# How long the registry may go unread while its watch tells nothing: watches lose news.
_UNREAD_S: Final = 1.0


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
        self._wake = asyncio.Event()
        self._claims_read_s: float | None = None
        self._read_s = -math.inf
        self._has_news = True
        self._lost = False
        self._put_off = Trouble(_log, "the leader's steps are put off", ports.clock.monotonic_s)
        self.learned = Learned(may_place=False, may_balance=True)
        self.view = View(ports.constants.shard_count, {}, {}, {}, frozenset())
        self._session_nodes: dict[int, str] = {}
        self._sessions = Sessions(
            config,
            ports.connect,
            clock=ports.clock,
            tasks=self._tasks,
            counters=ports.counters,
            wake=self.wake,
        )
        self._actions = Actions(
            self.learned,
            self._sessions.links,
            ports.seal,
            ports.journal,
            tasks=self._tasks,
            counters=ports.counters,
            wake=self.wake,
        )

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
                    self._put_off.over(token=self.token)
                except (Unavailable, StoreError) as error:
                    self._ports.counters.put_off += 1
                    self._put_off.met(error, token=self.token)
                await self._wake.wait()
        finally:
            await self._tasks.stop()

    @property
    def token(self) -> int:
        """Fencing token of this leadership."""
        return self._election.token

    def wake(self) -> None:
        """Has the leader read and look again at once."""
        self._has_news = True
        self._wake.set()

    async def step(self) -> Plan:
        """Looks once, writes what follows and begins to act on it.

        Raises:
            Unavailable: the registry cannot be reached.
            StoreError: the ledger store cannot be reached.
        """
        began_s = self._clock.monotonic_s()
        await self._look()
        self._forget_wishes()
        next_step = plan(self.view, self.learned, self._config.limits)
        if next_step.changed:
            await self._write(next_step)
        elif next_step.balanced and not self._has_news:
            # Balance is sought after each change of the nodes, not for ever: else an operator's
            # move would be undone. What came while this step read is for the next one to see.
            self.learned.may_balance = False
        self._actions.act(self.view)
        self._ports.counters.steps_s.observe(self._clock.monotonic_s() - began_s)
        return next_step

    @property
    def shard_map(self) -> ShardMap:
        """The map as last read or written."""
        return ShardMap.of(self.view.shard_count, 0, self.view.rows.values())

    async def drain(self, node: NodeRegistration) -> None:
        """Keeps the wish to relieve a node's process of its shards.

        Raises:
            Unavailable: the registry cannot be reached, or the leadership is lost.
        """
        await self._keep(self._store.write_drain(node))
        self.view = replace(self.view, draining=self.view.draining | {node.session})
        self.wake()

    async def undrain(self, node: NodeRegistration) -> None:
        """Drops that wish, and gives the node its share again; raises as `drain` does."""
        await self._keep(self._store.delete_drain(node.name))
        self.view = replace(self.view, draining=self.view.draining - {node.session})
        self.rebalance()

    def rebalance(self) -> None:
        """Has shards moved until the nodes' loads are even."""
        self.learned.may_balance = True
        self.wake()

    @staticmethod
    async def _keep(write: Awaitable[bool]) -> None:
        try:
            written = await write
        except OutcomeUnknown as error:
            raise Unavailable(f"try again: {error.message}") from error
        if not written:
            raise Unavailable("this coordinator no longer leads")

    async def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        if (
            self._has_news
            or now_s - self._read_s >= _UNREAD_S
            or self._claims_are_due(self.view.rows, now_s)
        ):
            self._has_news = False
            try:
                await self._read(now_s)
            except (Unavailable, StoreError):
                self._has_news = True
                raise
        self._sessions.look(self.view, self.learned, self._session_nodes)
        if self._claims_read_s == now_s:
            self._actions.seal_leftovers(self._sessions.leftovers(), self._session_nodes)

    async def _read(self, now_s: float) -> None:
        stored = await self._store.read()
        claims = self.view.claims
        if self._claims_are_due(stored.rows, now_s):
            await self._store.state_constants(stored, self._ports.constants)
            await self._store.forget_drains(stored)
            claims = await self._ports.claims.read_claims()
            directory = await self._ports.journal.list_directory()
            self._session_nodes = {row.ledger: row.node for row in directory}
            self._claims_read_s = now_s
        self._read_s = now_s
        self.view = View(self.view.shard_count, stored.rows, stored.nodes, claims, stored.draining)

    def _claims_are_due(self, rows: Mapping[int, ShardAssignment], now_s: float) -> bool:
        if self._claims_read_s is None or now_s - self._claims_read_s > _CLAIMS_INTERVAL_S:
            return True
        # Rows that the registry lost are found again in the claims.
        return len(rows) < self.view.shard_count

    async def _write(self, next_step: Plan) -> None:
        try:
            written = await self._store.write_rows(next_step.changed)
        except OutcomeUnknown:
            written = False
        if not written:
            # Looks again with the next tick, not at once: whatever stood against it may last.
            self._lost = not await self._store.still_leads()
            self._has_news = True
            return
        rows = {**self.view.rows, **{row.shard: row for row in next_step.changed}}
        self.view = replace(self.view, rows=rows)
        self._ports.counters.written(next_step.changed)
        _tell(next_step.changed)
        for row in next_step.changed:
            # Not one that came while this was written: it is still to be done.
            if row.target_session and row.target_session == self.learned.wishes.get(row.shard):
                del self.learned.wishes[row.shard]
        self.wake()

    def _forget_wishes(self) -> None:
        """Drops those to sessions that are gone, and those for shards that are there already."""
        wishes, rows = self.learned.wishes, self.view.rows
        if not wishes:
            return
        there = {each.session for each in candidates(self.view, self.learned)}
        for shard, target in list(wishes.items()):
            row = rows.get(shard)
            arrived = row is not None and row.session == target and row.state is ShardState.ACTIVE
            if target not in there or arrived:
                del wishes[shard]

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
            self._wake.set()

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


def _tell(changed: Iterable[ShardAssignment]) -> None:
    """Logs what was written to the map: one line for all shards that took the same way."""
    groups: dict[tuple[ShardState, int, int], list[ShardAssignment]] = {}
    for row in changed:
        if row.state is ShardState.UNASSIGNED:
            continue  # a new mesh: nobody had it
        groups.setdefault((row.state, row.session, row.target_session), []).append(row)
    for (state, session, target), rows in groups.items():
        shards = [(row.shard, row.epoch) for row in rows]
        named = fields(shards=shards, session=session, node=rows[0].node, target=target)
        _log.info("shards are %s", state.value.replace("_", " "), extra=named)


def node_of(view: View, name: str) -> NodeRegistration | None:
    """The newest registration of a shard node's name."""
    nodes = [node for node in view.nodes.values() if node.name == name]
    return max(nodes, key=lambda node: node.session, default=None)
