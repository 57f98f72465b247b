"""What a shard's list of ids answers without the store, and that it never forgets an aggregate."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from flightmesh.errors import Refused
from flightmesh.ids import AggregateId, derive, id_bytes, schedule_aggregate_id
from flightmesh.testing.faults import Fault, Faults, FaultyAggregateIndex, ScriptedFaults
from shard_node import aggregate_loader
from shard_node.handlers import Handlers
from shard_node.known_ids import KnownIds
from shard_node.slot import ShardSlot
from tests.unit.shard_node.mesh import Mesh, idle, reply

ids = st.binary(min_size=16, max_size=16)


@examples(st.lists(ids), st.lists(ids))
def test_what_was_added_is_never_denied(first: list[bytes], later: list[bytes]) -> None:
    known = KnownIds(first)
    for each in later:
        known.add(each)
    assert all(each in known for each in (*first, *later))


def test_few_others_seem_to_be_known() -> None:
    def numbered(numbers: range) -> list[bytes]:
        # Ids that differ in few bits, as a client may choose them.
        return [number.to_bytes(16, "big") for number in numbers]

    known = KnownIds(numbered(range(26_000)))
    wrong = sum(each in known for each in numbered(range(26_000, 36_000)))
    assert wrong < 300


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh()
    yield made
    await made.stop()


def slots(node: Handlers) -> list[ShardSlot]:
    return list(node.node.session.ownership.slots.values())


def forget(node: Handlers) -> None:
    for slot in slots(node):
        slot.memory.cells.clear()


async def until_known(mesh: Mesh, node: Handlers) -> None:
    """Makes every shard learn its ids, by a rotation that none of them has."""
    for slot in slots(node):
        if slot.ids is None:
            await mesh.send(node, mesh.add_leg(absent_in(mesh, slot.shard), 1))
    for _ in range(20):
        await idle()
    known = [slot.ids for slot in slots(node)]
    assert all(each is not None and each.complete for each in known)


async def create_more(mesh: Mesh, node: Handlers, count: int) -> list[AggregateId]:
    results = await mesh.send(node, *(mesh.request(create_rotation={}) for _ in range(count)))
    return [reply(result).aggregate_id for result in results]


async def follow(mesh: Mesh, node: Handlers, rotations: list[AggregateId]) -> None:
    """Adds a leg to rotations without one: each is taken for what it is."""
    results = await mesh.send(node, *(mesh.add_leg(each, 1) for each in rotations))
    assert [reply(result).sequence for result in results] == [2] * len(rotations)


def absent_in(mesh: Mesh, shard: int, whose: str = "nobody") -> AggregateId:
    candidates = (derive(schedule_aggregate_id(whose), str(n)) for n in range(1_000))
    return next(each for each in candidates if mesh.map.shard_of(each) == shard)


async def test_an_aggregate_that_is_new_is_begun_without_a_look_at_the_store(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    await mesh.create(node)
    await until_known(mesh, node)
    loads = node.node.counters.loads
    rotations = await create_more(mesh, node, 10)
    assert node.node.counters.loads == loads
    await follow(mesh, node, rotations)


async def test_what_was_flushed_before_is_known(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    rotations = await mesh.create(node, 10)
    await node.node.session.flusher.flush()
    await until_known(mesh, node)
    forget(node)
    await follow(mesh, node, rotations)


async def test_what_only_memory_has_is_known(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    before = await mesh.create(node, 10)
    await until_known(mesh, node)
    after = await create_more(mesh, node, 10)
    forget(node)
    await follow(mesh, node, [*before, *after])


async def test_the_next_owner_knows_what_it_read_in_the_tails(mesh: Mesh) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    rotations = await mesh.create(first, 10)
    await mesh.seal(first.node.session.id)
    await mesh.assign(second)
    await until_known(mesh, second)
    await follow(mesh, second, rotations)


async def test_a_remembered_refusal_is_known(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    await mesh.create(node)
    await until_known(mesh, node)
    absent = absent_in(mesh, 0, "somebody else")
    request = mesh.add_leg(absent, 7)
    for _ in range(2):
        (refused,) = await mesh.send(node, request)
        assert isinstance(refused, Refused), refused
        forget(node)
    assert len(mesh.slot_of(node, absent).unindexed(absent)) == 1


async def test_a_list_of_several_pages_is_read_to_its_end(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregate_loader, "_ID_PAGE", 2)
    node = await mesh.add_node()
    await mesh.assign(node)
    rotations = await mesh.create(node, 30)
    await node.node.session.flusher.flush()
    await until_known(mesh, node)
    for slot in slots(node):
        mine = [each for each in rotations if mesh.map.shard_of(each) == slot.shard]
        assert slot.ids is not None
        assert all(id_bytes(each) in slot.ids for each in mine)


async def test_a_shard_with_too_many_is_asked_each_time(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregate_loader, "_ID_PAGE", 2)
    monkeypatch.setattr(aggregate_loader, "MOST_IDS", 4)
    node = await mesh.add_node()
    await mesh.assign(node)
    rotations = await mesh.create(node, 60)
    await node.node.session.flusher.flush()
    for slot in slots(node):
        slot.ids = None
        await mesh.send(node, mesh.add_leg(absent_in(mesh, slot.shard), 1))
    assert not any(slot.ids is not None and slot.ids.complete for slot in slots(node))
    forget(node)
    await follow(mesh, node, rotations)


async def test_a_list_that_could_not_be_read_is_read_at_the_next_need(mesh: Mesh) -> None:
    troubles = Faults(ScriptedFaults(list_aggregates=[Fault.REFUSED] * 4))
    mesh.index = FaultyAggregateIndex(mesh.store.index, troubles)
    node = await mesh.add_node()
    await mesh.assign(node)
    rotations = await mesh.create(node, 10)
    for _ in range(20):
        await idle()
    assert len(troubles.met) == 4
    await until_known(mesh, node)
    forget(node)
    await follow(mesh, node, rotations)
