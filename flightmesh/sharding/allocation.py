"""Which shard goes to which session: a pure function of the map and the nodes.

Shards that nobody owns are placed at once, on the least loaded nodes. Shards of nodes that are to
be relieved, and shards of nodes that hold more than their share, move a few at a time, most loaded
node first, never more than balance needs: the moves are those of the shortest way to loads that
differ by one at most. Balancing waits while any shard is under way; relieving does not.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from flightmesh.sharding.shard_map import ShardAssignment, ShardMap, ShardState

_UNDER_WAY = (ShardState.MOVING, ShardState.TAKING_OVER)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many planned moves may be under way at once; never less than one.

    Attributes:
        absolute: moves.
        relative: part of all shards, 0 to 1.
    """

    absolute: int = 8
    relative: float = 0.2

    def of(self, shard_count: int) -> int:
        """The number of moves for that many shards."""
        return max(1, min(self.absolute, int(self.relative * shard_count)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A session that shards may be given to.

    Attributes:
        session: the session; it is alive and newest of its node.
        version: version of its program, as comparable numbers; empty if unknown.
    """

    session: int
    version: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A shard and where it is to go.

    Attributes:
        shard: number of the shard.
        source: session that owns it now; 0 if none does.
        target: session that is to own it.
    """

    shard: int
    source: int
    target: int


def allocate(
    shard_map: ShardMap,
    candidates: Collection[Candidate],
    draining: Collection[int],
    limits: Limits,
    *,
    fenced: Collection[int] = (),
) -> list[Move]:
    """The moves to make now.

    While candidates have several versions, only those of the newest take shards, and nothing moves
    for balance: in a rolling upgrade every move off an old node would else be done twice.

    Args:
        shard_map: the map now. A moving shard counts for its target.
        candidates: sessions alive, those that drain included.
        draining: sessions that are to be relieved of their shards.
        limits: bounds of planned moves.
        fenced: sessions whose ledgers are sealed: their shards are nobody's.
    """
    # Not of those that are to be emptied: else the newest one alone could never be.
    staying = [candidate for candidate in candidates if candidate.session not in draining]
    if not staying:
        return []
    newest = max(candidate.version for candidate in staying)
    takers = [candidate.session for candidate in staying if candidate.version == newest]
    loads = _Loads(takers, shard_map)
    free = [row for row in shard_map.assignments if _is_free(row, fenced)]
    moves = [Move(row.shard, 0, loads.give()) for row in free]
    under_way = sum(row.state in _UNDER_WAY for row in shard_map.assignments)
    budget = limits.of(shard_map.shard_count) - sum(
        row.state is ShardState.MOVING for row in shard_map.assignments
    )
    relieved = _relieve(shard_map, draining, loads, max(0, budget))
    moves += relieved
    same_version = len(takers) == len(staying)
    if same_version and not under_way and not relieved and not free:
        moves += _balance(shard_map, loads, max(0, budget))
    return moves


class _Loads:
    """Number of shards per session that may take some; the moves so far included."""

    def __init__(self, takers: Iterable[int], shard_map: ShardMap) -> None:
        self.counts = dict.fromkeys(sorted(takers), 0)
        for row in shard_map.assignments:
            session = row.target_session if row.state is ShardState.MOVING else row.session
            if session in self.counts and row.state is not ShardState.TAKING_OVER:
                self.counts[session] += 1

    def give(self) -> int:
        """The least loaded session, one shard heavier from now on."""
        session = min(self.counts, key=lambda s: (self.counts[s], s))
        self.counts[session] += 1
        return session


def _is_free(row: ShardAssignment, fenced: Collection[int]) -> bool:
    if row.state is ShardState.UNASSIGNED:
        return True
    return row.state is ShardState.TAKING_OVER and row.session in fenced


def _relieve(
    shard_map: ShardMap, draining: Collection[int], loads: _Loads, budget: int
) -> list[Move]:
    leaving: dict[int, list[ShardAssignment]] = {}
    for row in shard_map.assignments:
        if row.state is ShardState.ACTIVE and row.session in draining:
            leaving.setdefault(row.session, []).append(row)
    moves: list[Move] = []
    while leaving and len(moves) < budget:
        source = max(leaving, key=lambda session: (len(leaving[session]), -session))
        row = leaving[source].pop()
        if not leaving[source]:
            del leaving[source]
        moves.append(Move(row.shard, source, loads.give()))
    return moves


def _balance(shard_map: ShardMap, loads: _Loads, budget: int) -> list[Move]:
    owned: dict[int, list[int]] = {session: [] for session in loads.counts}
    for row in shard_map.assignments:
        if row.state is ShardState.ACTIVE and row.session in owned:
            owned[row.session].append(row.shard)
    moves: list[Move] = []
    while len(moves) < budget:
        source = max(loads.counts, key=lambda s: (loads.counts[s], -s))
        target = min(loads.counts, key=lambda s: (loads.counts[s], s))
        # A difference of one is balance: moving would only swap the two.
        if loads.counts[source] - loads.counts[target] < 2 or not owned[source]:
            break
        loads.counts[source] -= 1
        loads.counts[target] += 1
        moves.append(Move(owned[source].pop(), source, target))
    return moves


def least_loaded(shard_map: ShardMap, sessions: Sequence[int]) -> int | None:
    """The session with the fewest shards; None if there is none to choose from."""
    if not sessions:
        return None
    loads = _Loads(sessions, shard_map)
    return loads.give()
