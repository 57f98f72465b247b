"""Rule 20: one effect per command id, over snapshots, removal, hand-overs, clocks that go back."""

from typing import Any

import pytest

from flightmesh.clock.virtual import SeededRandomness
from flightmesh.errors import InvalidInput, Refused
from flightmesh.ids import uuid7
from shard_node.batch import Result
from tests.unit.shard_node.mesh import Mesh, reply

WINDOW = 8


@pytest.mark.parametrize("seed", range(10))
async def test_rule_20_whatever_is_forgotten_no_id_has_a_second_effect(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flightmesh.eventsourcing.window.WINDOW_SIZE", WINDOW)
    mesh, randomness = Mesh(snapshot_every=3), SeededRandomness(seed)
    clock_us = [mesh.clock.now_us()]
    monkeypatch.setattr(mesh.clock, "now_us", lambda: clock_us[0])
    nodes = [await mesh.add_node() for _ in range(2)]
    owner = nodes[0]
    await mesh.assign(owner)
    (rotation,) = await mesh.create(owner)
    sent: list[Any] = []
    told: dict[str, Result] = {}
    effects = 1
    for step in range(250):
        # Anything up to a minute, and back.
        clock_us[0] += (randomness.bits(7) - 64) * 1_000_000
        choice = randomness.bits(4)
        if choice < 11:
            request = mesh.add_leg(rotation, step)
            if choice == 0:
                request = mesh.request(aggregate_id=rotation, remove_rotation={})
            if choice == 1:  # held up on its way for a while
                late_ms = 1_700_000_000_000 + mesh._ids - randomness.bits(4)
                request.command_id = uuid7(late_ms, 1_000_000 + step)
            if choice > 6 and sent:
                request = sent[-1 - randomness.bits(4) % len(sent)]
            sent.append(request)
            (result,) = await mesh.send(owner, request)
            if isinstance(result, InvalidInput):
                # Its time is too far ahead of a clock that went back: it is not taken, and may be
                # taken later.
                assert result.field == "command_id"
            elif (known := told.setdefault(request.command_id, result)) is result:
                effects += isinstance(result, bytes) and len(reply(result).events)
            elif not is_too_old(result):
                assert str(result) == str(known)
        elif choice == 11:
            await owner.node.session.flusher.flush()
            await owner.node.session.ownership.trim()
        elif choice == 12:
            await mesh.seal(owner.node.session.id)
            owner = nodes[1 - nodes.index(owner)]
            await mesh.clock.advance(3)
            await mesh.assign(owner)
        elif choice == 13:
            await mesh.release(owner)
            owner = nodes[randomness.bits(1)]
            await mesh.assign(owner)
        else:
            for slot in owner.node.session.ownership.slots.values():
                slot.memory.cells.clear()
        sequence, _ = await mesh.state_of(owner, rotation)
        assert sequence == effects
    # The last ones sent are remembered by whoever comes next, and new ones are welcome.
    assert sum(map(is_too_old, told.values())) < len(told) / 4
    await mesh.stop()


def is_too_old(result: Result) -> bool:
    return isinstance(result, Refused) and result.reason == "COMMAND_ID_TOO_OLD"
