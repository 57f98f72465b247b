"""A read node knows how far it lags, says so when it matters, and does not say it too often."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.errors import ConfigurationError, StoreUnavailable, Unavailable
from flightmesh.event_bus import LedgerHeartbeat
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.sharding.shard_map import (
    LAGGING,
    NodeRegistration,
    NodeRole,
    decode_registration,
    role_prefix,
)
from read_node.lag import LagLimits, LagWatch
from tests.unit.read_node.mesh import Mesh
from tests.unit.read_node.step_clock import idle
from tests.unit.read_node.stories import Story, a_leg


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    mesh = Mesh()
    yield mesh
    await mesh.stop()


def some_records() -> list[entry_pb2.Record]:
    story = Story()
    story.create_schedule()
    rotation = story.create_rotation("r")
    for n in range(3):
        story.add_legs(rotation, a_leg(f"{n}", n * 100, n * 100 + 50, number=n + 1))
    return list(story.fresh)


async def beat(mesh: Mesh, seconds: float, *ledgers: int) -> None:
    """Time passes, with heartbeats as writers send them."""
    for _ in range(round(seconds * 2)):
        await mesh.clock.advance(0.5)
        for ledger in ledgers:
            await mesh.bus.publish(LedgerHeartbeat(ledger, mesh.heads[ledger]))
        await idle()


# The watch


def test_a_node_lags_at_once_and_keeps_up_only_after_a_while() -> None:
    watch = LagWatch(LagLimits(lagging_s=2.0, kept_up_s=0.5, steady_s=3.0))
    seen = []
    for at, lag_s in enumerate([0.1, 1.9, 2.1, 0.4, 0.4, 1.0, 0.4, 0.4, 0.4, 0.4, 0.4, 1.9]):
        changed = watch.observe(float(at), lag_s)
        seen.append((watch.lagging, changed))
    assert [lagging for lagging, _ in seen] == [False] * 2 + [True] * 7 + [False] * 3
    assert [at for at, (_, changed) in enumerate(seen) if changed] == [2, 9]
    assert watch.marked == 1


@pytest.mark.parametrize("wrong", [{"lagging_s": 0.1}, {"kept_up_s": 0.0}, {"check_s": 0.0}])
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        LagLimits(**wrong)


# The follower's lag


async def test_a_node_that_hears_everything_does_not_lag(mesh: Mesh) -> None:
    await mesh.open(1)
    node = await mesh.start()
    for record in some_records():
        await mesh.append(1, [record])
        await beat(mesh, 3, 1)
        assert (node.follower.lag_s(), node.follower.behind) == (0.0, 0)
    assert not node.standing.watch.lagging


async def test_lag_is_the_time_since_an_entry_is_known_that_cannot_be_had(
    mesh: Mesh, monkeypatch: Any
) -> None:
    await mesh.open(1)
    node = await mesh.start()

    async def failing(*_: Any) -> Any:
        raise StoreUnavailable("not now")

    records = some_records()
    read_segment = mesh.journal.read_segment
    monkeypatch.setattr(mesh.journal, "read_segment", failing)
    await mesh.append(1, records[:1], tell=False)
    await mesh.append(1, records[1:])
    assert node.follower.lag_s() == 0.0
    assert node.follower.behind == 2
    await beat(mesh, 1.5, 1)
    assert node.follower.lag_s() == pytest.approx(1.5)
    assert not node.standing.watch.lagging
    await beat(mesh, 1, 1)
    assert node.standing.watch.lagging
    monkeypatch.setattr(mesh.journal, "read_segment", read_segment)
    await beat(mesh, 1, 1)
    assert (node.follower.lag_s(), mesh.events()) == (0.0, 5)
    assert node.standing.watch.lagging
    await beat(mesh, 4, 1)
    assert not node.standing.watch.lagging


async def test_a_held_record_is_lag(mesh: Mesh) -> None:
    records = some_records()
    of_rotation = [record for record in records if record.shard == records[-1].shard]
    await mesh.open(1)
    node = await mesh.start()
    await mesh.append(1, [record for record in records if record is not of_rotation[1]])
    await beat(mesh, 3, 1)
    assert node.follower.lag_s() == pytest.approx(3)
    await mesh.open(2)
    await mesh.append(2, [of_rotation[1]])
    assert node.follower.lag_s() == 0.0


async def test_entries_that_come_late_are_lag_until_the_ledger_is_up_to_date(mesh: Mesh) -> None:
    await mesh.open(1)
    node = await mesh.start()
    await beat(mesh, 1, 1)
    message = await mesh.append(1, some_records(), tell=False)
    for _ in range(3):
        await beat(mesh, 0.5)
        await mesh.bus.publish(LedgerHeartbeat(1, -1))
    await mesh.bus.publish(message)
    await idle()
    assert node.follower.lag_s() == pytest.approx(1.5)
    await beat(mesh, 0.5, 1)
    assert node.follower.lag_s() == 0.0


async def test_a_node_that_hears_nothing_from_the_bus_lags_but_stays_right(
    mesh: Mesh, monkeypatch: Any
) -> None:
    await mesh.open(1)
    node = await mesh.start()
    await beat(mesh, 2, 1)
    records = some_records()
    seen = []
    for n in range(40):
        if n % 10 == 0:
            await mesh.append(1, records[n // 10 : n // 10 + 1], tell=False)
        await beat(mesh, 0.5)
        seen.append(node.standing.watch.lagging)
    # Once marked it stays so: reading the store every few seconds is not keeping up.
    assert seen[:4] == [False] * 4
    assert all(seen[8:])
    assert (mesh.events(), mesh.token(), node.ready) == (4, "1:3", True)
    await beat(mesh, 5, 1)
    assert not node.standing.watch.lagging


async def test_a_ledger_whose_writer_is_silent_is_no_lag_while_others_are_heard(mesh: Mesh) -> None:
    await mesh.open(1)
    await mesh.open(2)
    node = await mesh.start()
    await beat(mesh, 0.5, 1, 2)
    await beat(mesh, 10, 1)
    assert (node.standing.watch.lagging, node.standing.watch.marked) == (False, 0)


async def test_silence_is_no_lag_where_all_ledgers_are_finished(mesh: Mesh) -> None:
    await mesh.open(1)
    await mesh.append(1, some_records())
    await mesh.journal.seal(1, 0, 0)
    node = await mesh.start()
    await beat(mesh, 10)
    assert node.follower.lag_s() == 0.0


# What the registry is told


class CountingRegistry:
    """A registry that counts writes of registrations, and can be away."""

    def __init__(self, registry: InMemoryRegistry) -> None:
        self.registry = registry
        self.writes = 0
        self.away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.registry, name)

    async def transact(self, *arguments: Any) -> Any:
        if self.away:
            raise Unavailable("the registry is away")
        self.writes += 1
        return await self.registry.transact(*arguments)


async def told(registry: Any) -> NodeRegistration:
    listing = await registry.list_prefix(role_prefix(NodeRole.READ_NODE))
    return decode_registration(listing.items[0].value)


@pytest.fixture
async def registry(mesh: Mesh) -> CountingRegistry:
    registry = CountingRegistry(InMemoryRegistry(mesh.clock))
    mesh.node = mesh.another(registry=registry)
    return registry


async def test_a_position_that_moves_all_the_time_is_told_every_few_seconds(
    mesh: Mesh, registry: CountingRegistry
) -> None:
    await mesh.open(1)
    await mesh.start()
    for _ in range(40):
        await mesh.append(1, [])
        await beat(mesh, 0.5, 1)
    assert 3 <= registry.writes <= 6
    await beat(mesh, 6, 1)
    registration = await told(registry)
    assert dict(registration.extra) == {"position": "1:39", "lag_ms": "0"}
    writes = registry.writes
    await beat(mesh, 20, 1)
    assert registry.writes == writes


async def test_a_node_that_begins_to_lag_tells_it_at_once(
    mesh: Mesh, registry: CountingRegistry, monkeypatch: Any
) -> None:
    await mesh.open(1)
    await mesh.start()
    await beat(mesh, 1, 1)
    assert LAGGING not in (await told(registry)).extra
    # The bus says that there are more entries than the store has.
    monkeypatch.setitem(mesh.heads, 1, 5)
    await beat(mesh, 3, 1)
    registration = await told(registry)
    assert registration.extra[LAGGING] == "yes"
    assert int(registration.extra["lag_ms"]) > 2000
    # A lag that goes on growing is told seldom.
    writes = registry.writes
    await beat(mesh, 20, 1)
    assert registry.writes - writes <= 5
    monkeypatch.setitem(mesh.heads, 1, -1)


async def test_a_registry_that_is_away_learns_of_the_lag_when_it_is_back(
    mesh: Mesh, registry: CountingRegistry, monkeypatch: Any
) -> None:
    await mesh.open(1)
    node = await mesh.start()
    await beat(mesh, 1, 1)
    registry.away = True
    monkeypatch.setitem(mesh.heads, 1, 5)
    await beat(mesh, 3, 1)
    assert node.standing.watch.lagging
    registry.away = False
    await beat(mesh, 2, 1)
    assert LAGGING in (await told(registry)).extra
