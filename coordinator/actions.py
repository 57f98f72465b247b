"""What a leader does about the rows of the map: assign, ask for release, seal.

It acts on rows that are in the registry only: a take-over and a move are written before anybody is
sealed or asked (rules 8 and 9). Answers go into what the leader has learned, for its next step.
"""

import logging
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import final

from coordinator.counters import CoordinatorCounters
from coordinator.node_client import AssignAnswer
from coordinator.node_link import NodeLink
from coordinator.planner import Learned, View
from coordinator.ports import Seal
from flightmesh.errors import ProtocolViolation, StoreError
from flightmesh.journal import DirectoryRow, Journal
from flightmesh.runtime.logs import fields
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import ShardState

_log = logging.getLogger(__name__)


@final
class Actions:
    """Runs beside the leader's loop.

    Args:
        learned: where answers go.
        links: session → link.
        seal: seals a ledger.
        journal: for the directory of ledgers.
        tasks: owns what is under way.
        counters: counts seals.
        wake: called after each answer.
    """

    def __init__(
        self,
        learned: Learned,
        links: Mapping[int, NodeLink],
        seal: Seal,
        journal: Journal,
        *,
        tasks: TaskOwner,
        counters: CoordinatorCounters,
        wake: Callable[[], None],
    ) -> None:
        self._learned = learned
        self._links = links
        self._seal_ledger_of = seal
        self._journal = journal
        self._tasks = tasks
        self._counters = counters
        self._wake = wake
        self._sealing: set[int] = set()
        self._sealing_leftovers = False

    def act(self, view: View) -> None:
        """Begins what the rows of the map call for; what is under way already is left alone."""
        assign: dict[int, dict[int, int]] = {}
        release: dict[int, dict[int, int]] = {}
        for row in view.rows.values():
            link = self._links.get(row.session)
            if row.state is ShardState.TAKING_OVER:
                self._seal(row.session)
            elif link is None or row.session in self._learned.dead:
                continue
            elif row.state is ShardState.MOVING:
                if self._learned.released.get(row.shard) != (row.epoch, row.session):
                    release.setdefault(row.session, {})[row.shard] = row.epoch
            elif link.confirmed.get(row.shard) != row.epoch:
                assign.setdefault(row.session, {})[row.shard] = row.epoch
        for session, shards in assign.items():
            self._links[session].assign(shards, self._on_assigned)
        for session, shards in release.items():
            self._release(session, shards)

    def seal_leftovers(self, sessions: Iterable[int], shown: Container[int]) -> None:
        """Seals, one after another, ledgers of sessions that are over and own nothing.

        Nobody waits for it but readers, who look for news in every ledger that is not sealed.

        Args:
            sessions: the sessions.
            shown: those that the directory has; the others are put there first.
        """
        left = [session for session in sessions if session not in self._learned.fenced]
        if left and not self._sealing_leftovers:
            self._sealing_leftovers = True
            self._tasks.start(self._seal_all(sorted(left, reverse=True), shown), "seal-leftovers")

    async def _seal_all(self, sessions: Sequence[int], shown: Container[int]) -> None:
        try:
            for session in sessions:
                if session in self._sealing:
                    continue
                if session in shown or await self._show(session):
                    self._sealing.add(session)
                    await self._seal_ledger(session)
        finally:
            self._sealing_leftovers = False

    async def _show(self, session: int) -> bool:
        """Puts a session that was never born into the directory, where readers find its end."""
        try:
            await self._journal.add_to_directory(DirectoryRow(session, ""))
        except StoreError as error:
            _log.warning("ledger cannot be shown yet: %s", error, extra=fields(ledger=session))
            return False
        return True

    def _release(self, session: int, shards: Mapping[int, int]) -> None:
        def on_released(released: Mapping[int, int]) -> None:
            for shard, epoch in released.items():
                if epoch >= shards.get(shard, epoch + 1):
                    self._learned.released[shard] = (shards[shard], session)

        self._links[session].release(shards, on_released)

    def _on_assigned(self, asked: Mapping[int, int], answer: AssignAnswer) -> None:
        for shard, epoch in asked.items():
            owned = answer.owned.get(shard)
            if owned == epoch:
                self._learned.ignored.pop(shard, None)
                self._learned.blocked.pop(shard, None)
            elif shard in answer.blocked:
                self._learned.blocked[shard] = (epoch, answer.blocked[shard])
            else:
                self._learned.ignored[shard] = (epoch, self._epoch_beyond(shard, epoch, owned))

    def _epoch_beyond(self, shard: int, epoch: int, owned: int | None) -> int:
        if owned is not None and owned > epoch:
            return owned
        # The session has released a higher epoch, which only it knows: find it by doubling steps.
        before, after = self._learned.ignored.get(shard, (epoch, epoch + 1))
        return epoch + (2 * (after - before) if after == epoch else 1)

    def _seal(self, session: int) -> None:
        if session not in self._learned.fenced and session not in self._sealing:
            self._sealing.add(session)
            self._learned.dead.add(session)
            self._tasks.start(self._seal_ledger(session), f"seal-{session}")

    async def _seal_ledger(self, session: int) -> None:
        try:
            await self._seal_ledger_of(session)
            self._learned.fenced.add(session)
            self._counters.sealed += 1
            _log.info("ledger sealed", extra=fields(session=session, ledger=session))
            self._wake()
        except StoreError as error:
            # Tried again with the leader's next tick.
            _log.warning("ledger cannot be sealed yet: %s", error, extra=fields(ledger=session))
        except ProtocolViolation as error:
            # Trying again would find the same; its shards wait until somebody has looked at it.
            _log.error("ledger cannot be sealed: %s", error, extra=fields(ledger=session))
            return
        self._sealing.discard(session)
