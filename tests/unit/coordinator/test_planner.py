"""The leader's next step, row by row."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from coordinator.planner import Learned, View, choose_target, plan
from flightmesh.journal import Claim
from flightmesh.sharding.allocation import Limits
from flightmesh.sharding.shard_map import (
    NodeRegistration,
    NodeRole,
    ShardAssignment,
    ShardMap,
    ShardState,
)

LIMITS = Limits(absolute=8, relative=1.0)
ACTIVE, MOVING = ShardState.ACTIVE, ShardState.MOVING
TAKING_OVER, UNASSIGNED = ShardState.TAKING_OVER, ShardState.UNASSIGNED


def node(session: int) -> NodeRegistration:
    return NodeRegistration(f"n{session}", NodeRole.SHARD_NODE, f"n{session}:1", session=session)


def row(
    state: ShardState = ACTIVE, epoch: int = 5, session: int = 1, target: int = 0
) -> ShardAssignment:
    return ShardAssignment(0, epoch, session, f"n{session}", f"n{session}:1", state, target)


def view(current: ShardAssignment | None, claim: Claim | None = None, nodes: int = 2) -> View:
    return View(
        shard_count=1,
        rows={0: current} if current else {},
        nodes={session: node(session) for session in range(1, nodes + 1)},
        claims={0: claim} if claim else {},
        draining=frozenset(),
    )


def learned(**known: object) -> Learned:
    result = Learned(alive={1, 2})
    for name, value in known.items():
        setattr(result, name, value)
    return result


def next_row(view_: View, learned_: Learned | None = None) -> ShardAssignment:
    return plan(view_, learned_ or learned(), LIMITS).shard_map.assignments[0]


def test_an_active_row_of_a_living_owner_stays() -> None:
    assert plan(view(row()), learned(), LIMITS).changed == ()


def test_a_dead_owner_is_taken_over_before_its_shards_are_given_away() -> None:
    dead = learned(dead={1}, alive={2})
    assert next_row(view(row()), dead) == row(TAKING_OVER)
    assert next_row(view(row(MOVING, target=2)), dead) == row(TAKING_OVER)
    assert next_row(view(row(TAKING_OVER)), dead) == row(TAKING_OVER)


def test_a_sealed_owners_shard_goes_to_a_living_session_in_a_higher_epoch() -> None:
    sealed = learned(dead={1}, fenced={1}, alive={2})
    assert next_row(view(row(TAKING_OVER)), sealed) == row(ACTIVE, 6, 2)


def test_the_epoch_is_above_the_claims_generation_too() -> None:
    claim = Claim(0, 1, 40, True, ())
    assert next_row(view(row(UNASSIGNED, session=0), claim)).epoch == 41


def test_a_moving_row_waits_for_the_release_of_its_very_epoch_and_session() -> None:
    moving = row(MOVING, target=2)
    assert next_row(view(moving)) == moving
    assert next_row(view(moving), learned(released={0: (4, 1)})) == moving
    assert next_row(view(moving), learned(released={0: (5, 2)})) == moving
    assert next_row(view(moving), learned(released={0: (5, 1)})) == row(ACTIVE, 6, 2)


def test_a_released_shard_whose_target_is_gone_goes_elsewhere() -> None:
    released = learned(released={0: (5, 1)}, alive={1})
    assert next_row(view(row(MOVING, target=2)), released) == row(ACTIVE, 6, 1)


def test_a_claim_of_a_living_holder_corrects_the_map() -> None:
    blocked = learned(blocked={0: (5, 2)})
    assert next_row(view(row()), blocked) == row(ACTIVE, 6, 2)


def test_a_claim_of_a_holder_that_is_not_alive_has_the_holder_fenced() -> None:
    blocked = learned(blocked={0: (5, 9)})
    taken = next_row(view(row()), blocked)
    assert (taken.state, taken.epoch, taken.session) == (TAKING_OVER, 6, 9)


def test_a_block_of_an_older_epoch_says_nothing() -> None:
    assert next_row(view(row()), learned(blocked={0: (4, 2)})) == row()


def test_an_ignored_assignment_is_made_again_in_a_higher_epoch() -> None:
    assert next_row(view(row()), learned(ignored={0: (5, 9)})) == row(ACTIVE, 9)
    assert next_row(view(row()), learned(ignored={0: (4, 9)})) == row()


def test_a_lost_row_comes_back_from_the_claim() -> None:
    held = Claim(0, 2, 7, False, (2,))
    assert next_row(view(None, held)) == row(ACTIVE, 8, 2)
    released = replace(held, released=True)
    assert next_row(view(None, released)).epoch == 8


def test_a_lost_row_of_an_unknown_holder_waits_until_the_holder_counts_as_dead() -> None:
    held = Claim(0, 9, 7, False, (9,))
    assert plan(view(None, held), learned(), LIMITS).changed == ()
    taken = next_row(view(None, held), learned(dead={9}))
    assert (taken.state, taken.session, taken.epoch) == (TAKING_OVER, 9, 8)


def test_an_operators_wish_is_a_planned_move() -> None:
    wished = learned(wishes={0: 2})
    assert next_row(view(row()), wished) == row(MOVING, 5, 1, target=2)


def test_no_session_is_chosen_that_is_draining_dead_or_the_source() -> None:
    shard_map = ShardMap.of(1, 0, [row()])
    assert choose_target(view(row()), learned(), shard_map, 1) == 2
    assert choose_target(view(row()), learned(alive={1}), shard_map, 1) is None
    draining = replace(view(row()), draining=frozenset({2}))
    assert choose_target(draining, learned(), shard_map, 1) is None


_sessions = st.integers(1, 5)
_rows = st.builds(
    ShardAssignment,
    st.just(0),
    st.integers(0, 50),
    _sessions,
    st.just("n"),
    st.just("n:1"),
    st.sampled_from(ShardState),
    _sessions,
)


@given(
    rows=st.lists(st.none() | _rows, min_size=1, max_size=6),
    claims=st.lists(
        st.none()
        | st.builds(Claim, st.just(0), _sessions, st.integers(1, 60), st.booleans(), st.just(())),
        min_size=6,
        max_size=6,
    ),
    alive=st.sets(_sessions),
    dead=st.sets(_sessions),
    fenced=st.sets(_sessions),
    draining=st.frozensets(_sessions),
    released=st.dictionaries(st.integers(0, 5), st.tuples(st.integers(0, 50), _sessions)),
)
def test_whatever_is_known_epochs_grow_and_no_shard_is_taken_from_an_unsealed_owner(
    rows: list[ShardAssignment | None],
    claims: list[Claim | None],
    alive: set[int],
    dead: set[int],
    fenced: set[int],
    draining: frozenset[int],
    released: dict[int, tuple[int, int]],
) -> None:
    before = {n: replace(r, shard=n) for n, r in enumerate(rows) if r is not None}
    held = {n: replace(c, shard=n) for n, c in enumerate(claims[: len(rows)]) if c is not None}
    nodes = {session: node(session) for session in range(1, 4)}
    known = Learned(alive=alive, dead=dead | fenced, fenced=fenced, released=released)

    result = plan(View(len(rows), before, nodes, held, draining), known, LIMITS)

    for new in result.changed:
        old = before.get(new.shard)
        if old is None:
            continue
        assert new.epoch >= old.epoch
        if new.session != old.session and old.state is not UNASSIGNED:
            assert new.epoch > old.epoch
            let_go = released.get(new.shard) == (old.epoch, old.session)
            assert old.session in fenced or (old.state is MOVING and let_go)
        if new.state is ACTIVE and new.session != old.session:
            assert new.session in alive - dead - fenced
