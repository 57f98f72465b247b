"""A test for each rule of docs/protocol.md.

Most switch the rule off (`tests/simulation/mutants`) and let the simulation find what follows. The
guards of rules 2, 4, 5 and 9 are covered by the claims of rule 1, so nothing follows from their
absence alone in a run: they are tested by themselves.
"""

from collections.abc import Sequence
from functools import partial

from coordinator.map_store import MapStore
from coordinator.planner import Learned, View, plan
from flightmesh.clock.virtual import ManualClock, SeededRandomness
from flightmesh.election import LeaderElection
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.ledger.birth import give_birth
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.sharding.allocation import Limits
from flightmesh.sharding.shard_map import NodeRegistration, NodeRole, ShardAssignment, ShardState
from tests.simulation.mutants.catalogue import MUTANTS
from tests.simulation.mutants.search import seeds_needed
from tests.unit.shard_node.mesh import Mesh

_SEEDS = 300


def _rule(number: int) -> None:
    _mutants_are_found(str(number))


def _mutants_are_found(rule: str) -> None:
    mutants = [name for name in MUTANTS if name.partition(" ")[0] == rule]
    assert mutants
    for mutant in mutants:
        assert seeds_needed(mutant, _SEEDS)[0], mutant


def test_rule_1_a_claim_is_moved_only_from_a_sealed_or_released_holder() -> None:
    _rule(1)


def test_what_follows_a_creation_of_a_schedule_belongs_to_that_life() -> None:
    _mutants_are_found("D5")


async def test_rule_2_numbers_come_once_and_an_append_needs_state_token_and_head() -> None:
    journal, clock = InMemoryJournal(), ManualClock()
    one, two = [await give_birth(journal, "n", clock, SeededRandomness(n)) for n in range(2)]
    assert one.ledger != two.ledger
    token = (await journal.read_segment(one.ledger, 0)).writer  # type: ignore[union-attr]
    append = partial(journal.append, one.ledger, 0)

    assert not (await append(b"another", 0, b"x")).applied
    assert not (await append(token, 1, b"x")).applied
    assert (await append(token, 0, b"x")).applied
    again = await append(token, 0, b"x")
    assert (again.applied, again.row and again.row.head) == (False, 0)
    await journal.seal(one.ledger, 0, 0)
    assert not (await append(token, 1, b"x")).applied


def test_rule_3_sealing_what_is_absent_creates_it_sealed() -> None:
    _rule(3)


async def test_rule_4_a_map_write_compares_leadership_and_row() -> None:
    registry = InMemoryRegistry(clock := ManualClock())
    elections = [
        LeaderElection(registry, NodeRegistration(name, NodeRole.COORDINATOR, "", 1), clock)
        for name in ("one", "two")
    ]
    first, second = (MapStore(registry, election) for election in elections)
    assert await elections[0].try_to_lead()
    await first.read()
    assert await first.write_rows([ShardAssignment(0, 1)])
    assert not await first.write_rows([ShardAssignment(0, 2)])  # not over what it has not read

    await first.read()
    await registry.revoke_lease(elections[0]._lease)
    assert await elections[1].try_to_lead()
    assert not await first.write_rows([ShardAssignment(0, 2)])  # it leads no more
    await second.read()
    assert await second.write_rows([ShardAssignment(0, 2)])


async def test_rule_5_a_release_cannot_be_taken_back() -> None:
    mesh = Mesh()
    node = (await mesh.add_node()).node
    session = node.session.id

    assert await node.release(session, [(0, 5)]) == [(0, 5)]
    assert await node.assign(session, [(0, 5)]) == ([], [])
    assert await node.assign(session, [(0, 6)]) == ([(0, 6)], [])
    await mesh.stop()


def test_rule_5_that_a_session_is_gone_is_no_release() -> None:
    _rule(5)


def test_rule_6_a_release_waits_for_the_gathering_entry() -> None:
    _rule(6)


def test_rule_7_the_memory_of_a_released_shard_is_dropped() -> None:
    _rule(7)


def test_rule_8_questions_are_repeated_until_answered() -> None:
    _rule(8)


def _rows_of_a_dead_owner(state: ShardState, *, sealed: bool) -> Sequence[ShardAssignment]:
    """What the planner writes next for a shard whose owner, session 7, is dead; 8 lives."""
    row = ShardAssignment(0, 1, 7, "a", "a:1", state)
    nodes = {8: NodeRegistration("b", NodeRole.SHARD_NODE, "b:1", 1, 8)}
    learned = Learned(alive={8}, dead={7}, fenced={7} if sealed else set())
    return plan(View(1, {0: row}, nodes, {}, frozenset()), learned, Limits()).changed


def test_rule_9_taking_over_is_written_before_the_seal() -> None:
    (after,) = _rows_of_a_dead_owner(ShardState.ACTIVE, sealed=False)

    assert (after.state, after.session, after.epoch) == (ShardState.TAKING_OVER, 7, 1)


def test_rule_9_the_next_owner_comes_after_the_seal() -> None:
    assert not _rows_of_a_dead_owner(ShardState.TAKING_OVER, sealed=False)
    (after,) = _rows_of_a_dead_owner(ShardState.TAKING_OVER, sealed=True)

    assert (after.state, after.session, after.epoch) == (ShardState.ACTIVE, 8, 2)


def test_rule_10_sessions_notice_their_end_and_register_again_until_it() -> None:
    _rule(10)


def test_rule_11_a_watermark_is_per_ledger_and_shard() -> None:
    _rule(11)


def test_rule_12_a_watermark_states_only_what_its_writer_read() -> None:
    _rule(12)


def test_rule_13_a_watermark_comes_after_a_yes_for_the_index() -> None:
    _rule(13)


def test_rule_14_recovery_reads_watermarks_before_the_index() -> None:
    _rule(14)


def test_rule_15_recovery_reads_the_tails_of_all_ledgers() -> None:
    _rule(15)


def test_rule_16_a_new_owner_goes_on_after_the_index_s_head() -> None:
    _rule(16)


def test_rule_17_nothing_follows_a_request_of_unknown_outcome_and_no_entry_changes() -> None:
    _rule(17)


def test_rule_18_a_repeat_waits_and_nobody_hears_failed() -> None:
    _rule(18)


def test_rule_19_refusals_are_records() -> None:
    _rule(19)


def test_rule_20_an_id_that_may_have_been_forgotten_is_refused() -> None:
    _rule(20)


def test_rule_21_the_marker_comes_before_the_next_segment() -> None:
    _rule(21)


def test_rule_22_nothing_is_published_before_its_commit() -> None:
    _rule(22)


def test_rule_23_a_reader_in_silence_asks_the_store() -> None:
    _rule(23)


def test_rule_24_records_are_applied_by_shard_sequence() -> None:
    _rule(24)
