"""The follower loses nothing, applies nothing twice and never runs ahead of what it has."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.errors import Overloaded, ProtocolViolation, StoreUnavailable, Unavailable
from flightmesh.event_bus import LedgerHeartbeat, PublishedEntry
from flightmesh.position import Position
from tests.unit.read_node.mesh import Mesh
from tests.unit.read_node.step_clock import idle
from tests.unit.read_node.stories import Story, a_leg, kept_findings, plain_findings


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    mesh = Mesh()
    yield mesh
    await mesh.stop()


def a_story() -> tuple[Story, list[entry_pb2.Record]]:
    """A story of one schedule, a rotation and three legs, and its records, shard by shard."""
    story = Story()
    story.create_schedule()
    rotation = story.create_rotation("r")
    for n in range(3):
        story.add_legs(rotation, a_leg(f"{n}", n * 100, n * 100 + 50, number=n + 1))
    return story, list(story.records())


async def test_it_replays_what_is_there_and_then_follows_the_bus(mesh: Mesh) -> None:
    story, records = a_story()
    await mesh.open(1)
    await mesh.append(1, records[:3])
    node = await mesh.start()
    assert (mesh.events(), mesh.token()) == (3, "1:0")
    await mesh.append(1, records[3:])
    assert (mesh.events(), mesh.token()) == (5, "1:1")
    model = node.projection.schedules.get("s05")
    assert kept_findings(model) == plain_findings(story)


async def test_a_message_that_comes_twice_is_applied_once(mesh: Mesh) -> None:
    await mesh.open(1)
    node = await mesh.start()
    message = await mesh.append(1, a_story()[1])
    await mesh.bus.publish(message)
    await idle()
    assert mesh.events() == 5
    assert node.follower.statistics.duplicates == 1


async def test_a_gap_is_fetched_from_the_journal_at_once(mesh: Mesh) -> None:
    _, records = a_story()
    await mesh.open(1)
    node = await mesh.start()
    await mesh.append(1, records[:2], tell=False)
    await mesh.append(1, records[2:])
    assert (mesh.events(), mesh.token()) == (5, "1:1")
    assert (node.follower.statistics.gaps, node.follower.statistics.repairs) == (1, 1)


async def test_a_heartbeat_shows_a_lost_last_message(mesh: Mesh) -> None:
    await mesh.open(1)
    await mesh.start()
    await mesh.append(1, a_story()[1], tell=False)
    await mesh.bus.publish(LedgerHeartbeat(1, 0))
    await idle()
    assert mesh.events() == 5


async def test_a_silent_ledger_is_asked_for_at_the_store(mesh: Mesh) -> None:
    await mesh.open(1)
    await mesh.start()
    await mesh.clock.advance(1)
    await mesh.append(1, a_story()[1], tell=False)
    assert mesh.events() == 0
    await mesh.clock.advance(3)
    assert mesh.events() == 5


async def test_a_new_ledger_is_found_in_the_directory_without_the_bus(mesh: Mesh) -> None:
    await mesh.start()
    await mesh.open(1)
    await mesh.append(1, a_story()[1], tell=False)
    await mesh.clock.advance(1.2)
    assert (mesh.events(), mesh.token()) == (5, "1:0")


async def test_an_entry_of_an_unknown_ledger_is_applied_from_the_bus(mesh: Mesh) -> None:
    await mesh.start()
    await mesh.open(7)
    await mesh.append(7, a_story()[1])
    assert mesh.token() == "7:0"


async def test_a_damaged_message_is_read_from_the_journal_instead(mesh: Mesh) -> None:
    await mesh.open(1)
    await mesh.start()
    await mesh.append(1, a_story()[1], tell=False)
    await mesh.bus.publish(PublishedEntry(1, 0, b"\xff\xff"))
    await idle()
    assert mesh.events() == 5


async def test_rule_24_shard_order_is_kept_and_the_position_is_what_is_applied(mesh: Mesh) -> None:
    # One shard is written in ledger 1, then in 2, then in 1 again.
    story = Story()
    story.create_schedule()
    schedule = next(story.records())
    rotation = story.create_rotation("r")
    for n in range(2):
        story.add_legs(rotation, a_leg(f"{n}", n * 100, n * 100 + 50, number=n + 1))
    first, second, third = [r for r in story.records() if r.events[0].type != "ScheduleCreated"]
    await mesh.open(1)
    await mesh.open(2)
    node = await mesh.start()
    await mesh.append(1, [schedule, first])
    await mesh.append(1, [third])
    assert mesh.token() == "1:0"
    assert node.follower.held == 1
    await mesh.append(2, [second])
    assert mesh.token() == "1:1,2:0"
    assert (mesh.events(), node.follower.held) == (4, 0)


async def test_it_is_not_ready_while_an_earlier_event_is_missing(mesh: Mesh) -> None:
    _, records = a_story()
    rotation = [record for record in records if record.shard == records[0].shard]
    assert len(rotation) > 2
    await mesh.open(1)
    await mesh.append(1, [record for record in records if record is not rotation[1]])
    await mesh.node.start()
    await idle()
    assert not mesh.node.ready
    await mesh.open(2)
    await mesh.append(2, [rotation[1]], tell=False)
    await mesh.clock.advance(1)
    assert mesh.node.ready
    assert mesh.events() == len(records)


async def test_sealed_ledgers_become_the_base_of_the_position(mesh: Mesh) -> None:
    _, records = a_story()
    for ledger in (1, 2, 4):
        await mesh.open(ledger)
    await mesh.append(1, records[:3])
    await mesh.append(2, records[3:])
    for ledger in (1, 2, 4):
        await mesh.journal.seal(ledger, 0, 0)
    await mesh.start()
    # 3 is missing: it may still be born.
    assert mesh.token() == "~2"
    await mesh.open(3)
    await mesh.clock.advance(1.2)
    assert mesh.token() == "~2"
    await mesh.journal.seal(3, 0, 0)
    await mesh.clock.advance(4)
    assert mesh.token() == "~4"


async def test_a_query_waits_for_its_position_and_no_longer_than_its_deadline(mesh: Mesh) -> None:
    _, records = a_story()
    await mesh.open(1)
    node = await mesh.start()
    wait = asyncio.ensure_future(node.follower.progress.reach(Position.parse("1:0"), 5))
    await idle()
    assert not wait.done()
    await mesh.append(1, records)
    await wait
    with pytest.raises(TimeoutError):
        await node.follower.progress.reach(Position.parse("9:0"), 0)
    assert node.follower.progress.waiting == 0


async def test_waiters_are_bounded(mesh: Mesh) -> None:
    node = await mesh.start()
    node.follower.progress._most_waiters = 0
    with pytest.raises(Overloaded):
        await node.follower.progress.reach(Position.parse("9:0"), 1)


async def test_a_store_that_fails_is_asked_again(mesh: Mesh, monkeypatch: Any) -> None:
    await mesh.open(1)
    await mesh.append(1, a_story()[1])
    read_entries = mesh.journal.read_entries
    failures = iter([True, True, False])

    async def failing(*args: Any) -> Any:
        if next(failures, False):
            raise StoreUnavailable("not now")
        return await read_entries(*args)

    monkeypatch.setattr(mesh.journal, "read_entries", failing)
    await mesh.node.start()
    await idle()
    assert not mesh.node.ready
    await mesh.clock.advance(2)
    assert mesh.node.ready
    assert mesh.events() == 5
    assert mesh.node.follower.statistics.alarms == 2


async def test_a_shard_sequence_that_comes_twice_ends_the_node(mesh: Mesh) -> None:
    failures: list[BaseException] = []
    mesh.node = mesh.another(on_failure=failures.append)
    _, records = a_story()
    await mesh.open(1)
    await mesh.start()
    await mesh.append(1, records)
    assert mesh.node.ready
    await mesh.append(1, records[-1:])
    assert not mesh.node.ready
    assert isinstance(failures[0], BaseExceptionGroup)
    assert failures[0].subgroup(ProtocolViolation)
    assert mesh.token() == "1:0"


async def test_a_bus_that_breaks_is_subscribed_to_again(mesh: Mesh, monkeypatch: Any) -> None:
    subscribe = mesh.bus.subscribe
    broken = iter([True])

    def failing() -> Any:
        return Broken() if next(broken, False) else subscribe()

    monkeypatch.setattr(mesh.bus, "subscribe", failing)
    await mesh.open(1)
    await mesh.start()
    await mesh.clock.advance(1)
    await mesh.append(1, a_story()[1])
    assert mesh.events() == 5


class Broken:
    def __aiter__(self) -> "Broken":
        return self

    async def __anext__(self) -> Any:
        raise Unavailable("the bus is away")


async def test_an_entry_that_cannot_be_read_is_never_passed_over(
    mesh: Mesh, monkeypatch: Any
) -> None:
    """I7: the position does not claim what was not applied, though later entries were read."""
    await mesh.open(1)
    for record in a_story()[1]:
        await mesh.append(1, [record])
    await mesh.journal.seal(1, 0, 0)
    read_entries = mesh.journal.read_entries
    damaged = [True]

    async def damaging(*args: Any) -> Any:
        entries = await read_entries(*args)
        return [(n, b"\xff\xff" if n == 2 and damaged else data) for n, data in entries]

    monkeypatch.setattr(mesh.journal, "read_entries", damaging)
    await mesh.node.start()
    await mesh.clock.advance(3)
    assert (mesh.node.ready, mesh.events(), mesh.token()) == (False, 2, "1:1")
    damaged.clear()
    await mesh.clock.advance(1)
    assert (mesh.node.ready, mesh.events(), mesh.token()) == (True, 5, "~1")


async def test_a_replay_that_meets_lasting_damage_ends_with_it(
    mesh: Mesh, monkeypatch: Any
) -> None:
    """A node that was never ready tells why it cannot be, instead of trying for ever."""
    failures: list[BaseException] = []
    mesh.node = mesh.another(on_failure=failures.append)
    await mesh.open(1)
    read_entries = mesh.journal.read_entries

    async def damaging(*args: Any) -> Any:
        return [(n, b"\xff\xff") for n, _ in await read_entries(*args)]

    monkeypatch.setattr(mesh.journal, "read_entries", damaging)
    for record in a_story()[1]:
        await mesh.append(1, [record])
    await mesh.node.start()
    await mesh.clock.advance(3)
    assert failures == []
    await mesh.clock.advance(3)
    assert not mesh.node.ready
    assert "entry 1:0 cannot be read" in str(failures[0])
