"""What the leader does next, row by row. Pure: a view and what was learned in, rows to write out.

A row's way, with the rules of docs/protocol.md in brackets:

    UNASSIGNED(e)         → ACTIVE(e+1, S)            placed by the allocation
    ACTIVE(e, S)          → MOVING(e, S, T)           written before S is asked [8]
    MOVING(e, S, T)       → ACTIVE(e+1, T)            S has confirmed the release of epoch e [5]
    ACTIVE, MOVING(e, S)  → TAKING_OVER(e, S)         S is dead; its ledger is sealed after [9]
    TAKING_OVER(e, S)     → ACTIVE(e+1, T)            the ledger is sealed
    ACTIVE(e, S)          → ACTIVE(e+1, H)            live H turned out to hold the claim [1]
    ACTIVE(e, S)          → TAKING_OVER(e+1, H)       H, who holds the claim, is not alive [1]
    ACTIVE(e, S)          → ACTIVE(e+n, S)            S ignores e: it released a higher one
    no row                → from the claim [1]        the registry lost it
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

from flightmesh.journal import Claim
from flightmesh.sharding.allocation import Candidate, Limits, Move, allocate, least_loaded
from flightmesh.sharding.shard_map import (
    VERSION,
    NodeRegistration,
    ShardAssignment,
    ShardMap,
    ShardState,
)


@dataclass(frozen=True, slots=True)
class View:
    """What the registry and the ledger store say.

    Attributes:
        shard_count: number of shards.
        rows: the map's rows by shard; lost or new ones are absent.
        nodes: registrations of shard nodes by session.
        claims: claims by shard.
        draining: sessions to be relieved of their shards.
    """

    shard_count: int
    rows: Mapping[int, ShardAssignment]
    nodes: Mapping[int, NodeRegistration]
    claims: Mapping[int, Claim]
    draining: frozenset[int]


@dataclass(slots=True)
class Learned:
    """What the leader has found out by itself; a successor finds it out again.

    Attributes:
        alive: sessions that give signs of life.
        dead: sessions to be fenced.
        fenced: sessions whose ledgers are sealed.
        released: shard → (epoch, session) of confirmed releases.
        blocked: shard → (epoch, holder) of assignments that a claim stands against.
        ignored: shard → (epoch, next epoch) of assignments that their session ignores.
        wishes: shard → session that an operator wants it moved to.
        may_place: whether free shards are placed now.
        may_balance: whether shards are moved for balance now.
    """

    alive: set[int] = field(default_factory=set)
    dead: set[int] = field(default_factory=set)
    fenced: set[int] = field(default_factory=set)
    released: dict[int, tuple[int, int]] = field(default_factory=dict)
    blocked: dict[int, tuple[int, int]] = field(default_factory=dict)
    ignored: dict[int, tuple[int, int]] = field(default_factory=dict)
    wishes: dict[int, int] = field(default_factory=dict)
    may_place: bool = True
    may_balance: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """The next step.

    Attributes:
        shard_map: the map after the step.
        changed: rows to be written.
        balanced: nothing is left to move for balance.
    """

    shard_map: ShardMap
    changed: tuple[ShardAssignment, ...]
    balanced: bool


def plan(view: View, learned: Learned, limits: Limits) -> Plan:
    """The next step of every shard."""
    planner = _Planner(view, learned)
    rows = [planner.next_row(shard) for shard in range(view.shard_count)]
    shard_map = ShardMap.of(view.shard_count, 0, [row for row in rows if row is not None])
    lost = {shard for shard, row in enumerate(rows) if row is None}
    balanced = False
    # While shards are under way nothing moves for balance: that is not the last word.
    at_rest = all(row.state is ShardState.ACTIVE for row in shard_map.assignments)
    # Mostly nobody wants anything moved; a leader looks ten times a second.
    wanted = not at_rest or learned.may_balance or learned.wishes or view.draining
    if learned.may_place and wanted:
        moves = [m for m in planner.moves(shard_map, limits) if m.shard not in lost]
        balanced = at_rest and not moves and learned.may_balance
        shard_map = shard_map.with_assignments([planner.moved(shard_map, m) for m in moves])
    changed = tuple(
        row
        for row in shard_map.assignments
        if row.shard not in lost and view.rows.get(row.shard) != row
    )
    return Plan(shard_map, changed, balanced)


def candidates(view: View, learned: Learned) -> list[Candidate]:
    """Sessions that shards may be given to: alive, registered, not to be fenced."""
    return [
        Candidate(session, _version(node))
        for session, node in sorted(view.nodes.items())
        if session in learned.alive
        and session not in learned.dead
        and session not in learned.fenced
    ]


@final
class _Planner:
    def __init__(self, view: View, learned: Learned) -> None:
        self._view = view
        self._learned = learned
        self._takers = {candidate.session for candidate in candidates(view, learned)}

    def next_row(self, shard: int) -> ShardAssignment | None:
        """The row after this step, before allocation; None while its holder is not known."""
        row = self._view.rows.get(shard)
        if row is None:
            row = self._from_claim(shard)
        if row is None or row.state in (ShardState.UNASSIGNED, ShardState.TAKING_OVER):
            return row
        if row.session in self._learned.dead or row.session in self._learned.fenced:
            return replace(row, state=ShardState.TAKING_OVER, target_session=0)
        if row.state is ShardState.MOVING:
            return self._after_release(row)
        return self._after_answer(row)

    def moves(self, shard_map: ShardMap, limits: Limits) -> list[Move]:
        """What the allocation, and operators, want moved now."""
        learned = self._learned
        wished = [
            Move(shard, shard_map.assignments[shard].session, target)
            for shard, target in learned.wishes.items()
            if shard_map.assignments[shard].state is ShardState.ACTIVE and target in self._takers
        ]
        if wished:
            return wished
        allocated = allocate(
            shard_map,
            candidates(self._view, learned),
            self._view.draining,
            limits,
            fenced=learned.fenced,
        )
        if learned.may_balance:
            return allocated
        return [m for m in allocated if not m.source or m.source in self._view.draining]

    def moved(self, shard_map: ShardMap, move: Move) -> ShardAssignment:
        """The row after a move of the allocation."""
        row = shard_map.assignments[move.shard]
        if move.source:
            return replace(row, state=ShardState.MOVING, target_session=move.target)
        return self._given(row, move.target)

    def _from_claim(self, shard: int) -> ShardAssignment | None:
        claim = self._view.claims.get(shard)
        if claim is None:
            return ShardAssignment(shard)
        if claim.released:
            return ShardAssignment(shard, claim.generation)
        holder = self._view.nodes.get(claim.holder)
        lost = claim.holder in self._learned.dead or claim.holder in self._learned.fenced
        if holder is None and not lost:
            return None  # it may register again any moment; if it does not, it will count as dead
        node, address = (holder.name, holder.address) if holder else ("", "")
        return ShardAssignment(
            shard, claim.generation + 1, claim.holder, node, address, ShardState.ACTIVE
        )

    def _after_release(self, row: ShardAssignment) -> ShardAssignment:
        if self._learned.released.get(row.shard) != (row.epoch, row.session):
            return row
        if row.target_session in self._takers:
            return self._given(row, row.target_session)
        return ShardAssignment(row.shard, row.epoch)

    def _after_answer(self, row: ShardAssignment) -> ShardAssignment:
        epoch, holder = self._learned.blocked.get(row.shard, (-1, 0))
        if epoch == row.epoch and holder not in (row.session, *self._learned.fenced):
            if holder in self._takers:
                return self._given(row, holder)
            return ShardAssignment(row.shard, row.epoch + 1, holder, "", "", ShardState.TAKING_OVER)
        epoch, next_epoch = self._learned.ignored.get(row.shard, (-1, 0))
        if epoch == row.epoch and next_epoch > epoch:
            return replace(row, epoch=next_epoch)
        return row

    def _given(self, row: ShardAssignment, session: int) -> ShardAssignment:
        node = self._view.nodes[session]
        claim = self._view.claims.get(row.shard)
        epoch = max(row.epoch, claim.generation if claim else 0) + 1
        return ShardAssignment(
            row.shard, epoch, session, node.name, node.address, ShardState.ACTIVE
        )


def choose_target(view: View, learned: Learned, shard_map: ShardMap, source: int) -> int | None:
    """The least loaded session that a shard of `source` may be moved to; None if there is none."""
    sessions = [
        candidate.session
        for candidate in candidates(view, learned)
        if candidate.session != source and candidate.session not in view.draining
    ]
    return least_loaded(shard_map, sessions)


def _version(node: NodeRegistration) -> tuple[int, ...]:
    return _numbers(node.extra.get(VERSION, ""))


@functools.lru_cache(maxsize=64)
def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
