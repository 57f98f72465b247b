"""A slow store and too many callers: bounded queues, typed answers, and all is well afterwards."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from flightmesh.errors import Overloaded
from shard_node.translate import wants_events
from tests.unit.shard_node.mesh import Gate, Mesh, idle, reply

CALLERS = 2_000
QUEUED = 300


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh(queued_commands=QUEUED)
    yield made
    await made.stop()


@pytest.mark.parametrize("in_memory", [True, False])
async def test_two_thousand_callers_of_a_store_that_hangs(mesh: Mesh, in_memory: bool) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate
    node = await mesh.add_node()
    await mesh.assign(node)
    rotations = await mesh.create(node, 100)
    session = node.node.session
    if not in_memory:
        for slot in session.ownership.slots.values():
            slot.memory.cells.clear()
    gate.close()
    requests = [mesh.add_leg(rotations[n % 100], n // 100) for n in range(CALLERS)]
    batches = [node.submit([request], wants_events, 5) for request in requests]
    await idle()
    answered = [batch.results[0] for batch in batches]
    assert Counter(map(type, answered)) == {type(None): QUEUED, Overloaded: CALLERS - QUEUED}
    gate.open()
    for batch in batches:
        await batch.wait()
    assert session.queue.queued == 0
    # Whoever was turned away comes again, with the same id; the others may too.
    sequences = Counter[int]()
    for start in range(0, CALLERS, 200):
        for result in await mesh.send(node, *requests[start : start + 200]):
            sequences[reply(result).sequence] += 1
    assert sequences == dict.fromkeys(range(2, CALLERS // 100 + 2), 100)
    for slot in session.ownership.slots.values():
        assert [*slot.parked, *slot.workers, *slot.loading] == []


async def test_commands_being_passed_on_are_bounded(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = await mesh.add_node(), await mesh.add_node(queued_commands=5)
    await mesh.assign(owner)
    (rotation,) = await mesh.create(owner)
    gate = Gate(mesh, "execute")
    monkeypatch.setattr(other, "_forwarder", gate)
    gate.close()
    requests = [mesh.add_leg(rotation, hour) for hour in range(8)]
    first = other.submit(requests[:4], wants_events, 5)
    second = other.submit(requests[4:], wants_events, 5)
    await idle()
    assert first.results == [None] * 4
    assert [type(result) for result in second.results] == [Overloaded] * 4
    gate.open()
    assert [reply(result).sequence for result in await first.wait()] == [2, 3, 4, 5]
    again = await mesh.send(other, *requests[4:])
    assert [reply(result).sequence for result in again] == [6, 7, 8, 9]
