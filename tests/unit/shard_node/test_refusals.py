"""Rule 19: refusals and commands without effect are records, and answered after their entry."""

from collections.abc import AsyncIterator

import pytest

from flightmesh.errors import Refused, SessionFenced
from shard_node.translate import wants_events
from tests.unit.shard_node.mesh import Gate, Mesh, idle, reply


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh()
    yield made
    await made.stop()


async def test_rule_19_a_refusal_stays_one_whatever_changes_and_whoever_owns_the_shard(
    mesh: Mesh,
) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    early = mesh.add_leg(rotation, 1, expected_sequence=2)
    (refused,) = await mesh.send(first, early)
    assert isinstance(refused, Refused)
    # Now the command would be accepted; it was told no, and may be under way twice.
    await mesh.send(first, mesh.add_leg(rotation, 2))
    for owner in (first, second):
        (again,) = await mesh.send(owner, early)
        assert isinstance(again, Refused)
        assert (again.reason, again.details) == (refused.reason, refused.details)
        if owner is first:
            await mesh.seal(first.node.session.id)
            await mesh.assign(second)
    assert await mesh.state_of(second, rotation) == (2, [3])


async def test_rule_19_no_refusal_is_told_before_its_entry_is_committed(mesh: Mesh) -> None:
    """It may rest on events that never will be."""
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate.close()
    leg, same_leg = mesh.add_leg(rotation, 1), mesh.add_leg(rotation, 1)
    batch = node.submit([leg, same_leg], wants_events, 5)
    await idle()
    assert batch.results == [None, None]
    await mesh.seal(node.node.session.id)
    gate.open()
    assert [type(result) for result in await batch.wait()] == [SessionFenced] * 2
    await idle()
    await mesh.assign(node)
    # The one that was about to be refused comes first now.
    second, first = await mesh.send(node, same_leg, leg)
    assert reply(second).sequence == 2
    assert isinstance(first, Refused)
