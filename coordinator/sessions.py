"""The sessions that a leader knows of: who is alive, who is to be fenced, who may take shards."""

import logging
from collections.abc import Callable, Mapping
from typing import Final, final

from coordinator.config import CoordinatorConfig
from coordinator.counters import CoordinatorCounters
from coordinator.failure_detector import FailureDetector
from coordinator.node_client import ShardNodeClient
from coordinator.node_link import NodeLink
from coordinator.planner import Learned, View, candidates
from coordinator.turns import Turns
from flightmesh.clock import Clock
from flightmesh.runtime.logs import fields
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import ShardState

_log = logging.getLogger(__name__)

# A session that was not registered for this long has left. One that comes back after all is told
# so by its ledger and begins anew, so a wrong guess does no harm.
LEFT_FOR_GOOD_S: Final = 60.0


@final
class Sessions:
    """Keeps a link to every session that is registered or holds a shard, and judges them.

    Args:
        config: settings.
        connect: gives the client of the shard node at host:port.
        clock: time.
        tasks: owns the links' tasks.
        counters: counts suspicions.
        wake: called when there is news.

    Attributes:
        links: session → link.
    """

    def __init__(
        self,
        config: CoordinatorConfig,
        connect: Callable[[str], ShardNodeClient],
        *,
        clock: Clock,
        tasks: TaskOwner,
        counters: CoordinatorCounters,
        wake: Callable[[], None],
    ) -> None:
        self.links: dict[int, NodeLink] = {}
        self._config = config
        self._connect = connect
        self._clock = clock
        self._tasks = tasks
        self._turns = Turns(clock, tasks)
        self._counters = counters
        self._wake = wake
        self._detector = FailureDetector(
            config.silence_s, config.connect_grace_s, config.isolation_patience_s
        )
        self._absent_since_s: dict[int, float] = {}
        self._moving_since_s: dict[tuple[int, int], float] = {}
        self._members: frozenset[int] = frozenset()
        self._members_since_s = clock.monotonic_s()
        self._view = View(0, {}, {}, {}, frozenset())
        self._learned = Learned()
        self._names: Mapping[int, str] = {}
        self._processes: dict[int, int] = {}

    def look(self, view: View, learned: Learned, names: Mapping[int, str]) -> None:
        """Brings `learned` up to date with a view just taken.

        Args:
            view: the view.
            learned: what is known of sessions: alive, dead, whether to place and to balance.
            names: name of the node of each session, by the directory of ledgers.
        """
        now_s = self._clock.monotonic_s()
        self._view, self._learned, self._names = view, learned, names
        self._detector.look(now_s, self._config.tick_s)
        self._watch_sessions(now_s)
        for session, reason in self._to_be_fenced(now_s).items():
            if session not in learned.dead:
                named = fields(session=session, node=self._name_of(session))
                _log.warning("session is to be fenced: %s", reason, extra=named)
                self._counters.suspected += 1
                learned.dead.add(session)
                self._detector.suspected(session, now_s)
        learned.alive = {session for session in self.links if self._detector.alive(session, now_s)}
        self._note_members(now_s)

    def _to_be_fenced(self, now_s: float) -> dict[int, str]:
        """Sessions to be fenced, with the reason."""
        return {
            **dict.fromkeys(self._overdue(now_s), "it has not confirmed a release in time"),
            # Who holds nothing is only passed over while it is missing: there is nothing to fence.
            **{s: self._detector.why(s) for s in self._detector.suspects(now_s) & self._holders()},
            **dict.fromkeys(self._superseded(), "its node has begun a newer one"),
            **{n: "it says that it is over" for n, link in self.links.items() if link.gone},
        }

    def _name_of(self, session: int) -> str:
        """Name of the session's node; a new one is not among the names yet."""
        node = self._view.nodes.get(session)
        return node.name if node is not None else self._names.get(session, "")

    def _holders(self) -> set[int]:
        """Sessions that the map names, or that claim what the map has lost."""
        return {row.session for row in self._view.rows.values()} | {
            claim.holder
            for claim in self._view.claims.values()
            if claim.shard not in self._view.rows and not claim.released
        }

    def _watch_sessions(self, now_s: float) -> None:
        """Expects signs of life of every session that is registered or holds a shard."""
        wanted = dict.fromkeys(self._holders() - {0}, "")
        for row in self._view.rows.values():
            if row.session:
                wanted[row.session] = row.address
        for session, node in self._view.nodes.items():
            wanted[session] = node.address
            self._processes[session] = node.first_session
        for session, address in wanted.items():
            if session in self._learned.dead:
                continue
            self._detector.watch(session, self._processes.get(session, session), now_s)
            if address and session not in self.links:
                self._link(session, address)
        for session in list(self.links):
            # Neither registered, nor heard, nor with a shard: it has left. A fenced one is over.
            left = session not in wanted and not self._detector.alive(session, now_s)
            if left or session in self._learned.fenced:
                self.links.pop(session).close()
                self._detector.forget(session)
        for session in self._processes.keys() - wanted.keys() - self.links.keys():
            del self._processes[session]

    def _link(self, session: int, address: str) -> None:
        link = self.links[session] = NodeLink(
            session,
            self._connect(address),
            clock=self._clock,
            tasks=self._tasks,
            turns=self._turns,
            timeout_s=self._config.call_timeout_s,
            on_news=self._wake,
        )

        def heard() -> None:
            now_s = self._clock.monotonic_s()
            if not self._detector.alive(session, now_s):
                self._wake()
            self._detector.heard(session, now_s)

        def broken() -> None:
            self._detector.broken(session, self._clock.monotonic_s())

        link.listen(heard, broken)

    def leftovers(self) -> set[int]:
        """Sessions that own nothing and will never write: their ledgers can be sealed.

        A newer one supersedes them; or they have not been registered for long, be it that their
        node has left for good, be it that their number was given and lost before their birth.
        """
        now_s = self._clock.monotonic_s()
        newest = self._newest()
        over = {s for s, name in self._names.items() if newest.get(name, 0) > s}
        given = range(1, max((*self._names, *self._view.nodes), default=0))
        absent = {*self._names, *given}.difference(
            self._view.nodes, self._learned.fenced, self._learned.alive
        )
        since = self._absent_since_s
        self._absent_since_s = {session: since.get(session, now_s) for session in absent}
        left = {s for s, at in self._absent_since_s.items() if now_s - at >= LEFT_FOR_GOOD_S}
        return (over | left) - self._holders()

    def _newest(self) -> dict[str, int]:
        newest: dict[str, int] = {}
        for session, node in self._view.nodes.items():
            newest[node.name] = max(newest.get(node.name, 0), session)
        return newest

    def _superseded(self) -> set[int]:
        """Sessions of nodes that have registered a newer one (rule 10)."""
        newest = self._newest()
        holders = {
            row.session: row.node or self._names.get(row.session, "")
            for row in self._view.rows.values()
        }
        for claim in self._view.claims.values():
            holders.setdefault(claim.holder, self._names.get(claim.holder, ""))
        holders.update((session, node.name) for session, node in self._view.nodes.items())
        return {s for s, name in holders.items() if s and newest.get(name, 0) > s}

    def _overdue(self, now_s: float) -> set[int]:
        """Owners that have not confirmed a release in time: in doubt, seal (rule 8)."""
        moving = {
            (row.shard, row.epoch): row.session
            for row in self._view.rows.values()
            if row.state is ShardState.MOVING
        }
        since = self._moving_since_s
        self._moving_since_s = {key: since.get(key, now_s) for key in moving}
        limit_s = now_s - self._config.release_timeout_s
        return {moving[key] for key, at in self._moving_since_s.items() if at < limit_s}

    def _note_members(self, now_s: float) -> None:
        members = frozenset(c.session for c in candidates(self._view, self._learned))
        if members != self._members:
            self._members, self._members_since_s = members, now_s
            self._learned.may_balance = True
        settled = now_s - self._members_since_s >= self._config.settle_s
        # At a cold start the first node would get everything; after a failure haste is better.
        anything_served = any(
            row.state is ShardState.ACTIVE and row.session in members
            for row in self._view.rows.values()
        )
        self._learned.may_place = bool(members) and (settled or anything_served)
