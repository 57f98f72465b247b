"""The simulation's own parts: time, processes, store and registry."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from flightmesh.errors import OutcomeUnknown, StoreUnavailable, Unavailable
from flightmesh.journal.memory import InMemoryStore
from flightmesh.registry import Compare, Put
from flightmesh.testing.faults import Fault
from flightmesh.testing.simulation.chance import Bits
from flightmesh.testing.simulation.chronicle import Chronicle
from flightmesh.testing.simulation.loop import Process, SimulatedClock, Stuck, VirtualLoop
from flightmesh.testing.simulation.network import Network
from flightmesh.testing.simulation.registry import REGISTRY, RegistryAccess, RegistryCluster
from flightmesh.testing.simulation.store import STORE, StoreAccess, StoreTrouble


class World:
    """A loop with a network, a store and a registry, and two processes."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.chronicle = Chronicle(self.loop.time)
        self.network = Network(self.loop, Bits(1, "network"), self.chronicle)
        self.one, self.two = Process(self.loop, "one"), Process(self.loop, "two")
        self.memory = InMemoryStore()
        self.trouble: dict[object, StoreTrouble] = {}
        self.clock = SimulatedClock(self.loop, self.loop.environment)
        self.registry = RegistryCluster(self.clock, lambda _: None)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_simulation(work)

    def store(self, process: Process) -> StoreAccess:
        return StoreAccess(
            self.memory,
            network=self.network,
            process=process,
            trouble=self.trouble,
            traps={},
            randomness=Bits(1, process.name),
            chronicle=self.chronicle,
        )

    def access(self, process: Process) -> RegistryAccess:
        bits = Bits(1, process.name)
        return RegistryAccess(self.registry, self.network, process, bits, self.chronicle)


@pytest.fixture
def world() -> World:
    return World()


async def _count(ticks: list[float]) -> None:
    while True:
        await asyncio.sleep(1.0)
        ticks.append(asyncio.get_running_loop().time())


def test_time_jumps_and_nothing_is_waited_for(world: World) -> None:
    async def work() -> float:
        await asyncio.sleep(3600.0)
        return world.loop.time()

    assert world.run(work()) == pytest.approx(3600.0, abs=0.01)


def test_a_run_in_which_nobody_will_ever_act_ends(world: World) -> None:
    async def work() -> None:
        await world.loop.create_future()

    with pytest.raises(Stuck):
        world.run(work())


def test_a_crashed_process_does_nothing_more_not_even_clean_up(world: World) -> None:
    ticks: list[float] = []
    cleaned: list[bool] = []

    async def tidy() -> None:
        try:
            await _count(ticks)
        finally:
            cleaned.append(True)

    async def work() -> int:
        world.one.spawn(tidy(), "tidy")
        await asyncio.sleep(2.5)
        world.one.crash()
        await asyncio.sleep(10.0)
        return len(cleaned)

    assert world.run(work()) == 0
    assert len(ticks) == 2


def test_a_paused_process_goes_on_where_it_was(world: World) -> None:
    ticks: list[float] = []

    async def work() -> None:
        world.one.spawn(_count(ticks), "count")
        await asyncio.sleep(1.5)
        world.one.pause()
        await asyncio.sleep(5.0)
        assert len(ticks) == 1
        world.one.resume()
        await asyncio.sleep(2.0)

    world.run(work())
    assert [round(at, 1) for at in ticks] == [1.0, 6.5, 7.5]


def test_a_slow_process_gets_turns_only_now_and_then(world: World) -> None:
    ticks: list[float] = []

    async def work() -> None:
        world.one.spawn(_count(ticks), "count")
        await asyncio.sleep(0.1)
        world.one.slow_down(0.7)
        await asyncio.sleep(10.0)
        world.one.slow_down(0.0)
        await asyncio.sleep(3.0)

    world.run(work())
    assert 4 <= len(ticks) < 13
    assert ticks == sorted(ticks)


@pytest.mark.parametrize(
    ("fault", "error", "applied"),
    [
        (Fault.REFUSED, StoreUnavailable, 0),
        (Fault.LOST, OutcomeUnknown, 0),
        (Fault.ANSWER_LOST, OutcomeUnknown, 1),
        (Fault.LATE, OutcomeUnknown, 1),
        (Fault.TWICE, None, 2),
    ],
)
def test_a_call_of_the_store_meets_each_fault(
    world: World, fault: Fault, error: type[Exception] | None, applied: int
) -> None:
    world.trouble["x"] = StoreTrouble(1.0, (fault,))
    store = world.store(world.one)

    async def work() -> int:
        if error is None:
            assert await store.journal.allocate_session() == 1
        else:
            with pytest.raises(error):
                await store.journal.allocate_session()
        await asyncio.sleep(10.0)
        return await world.memory.journal.allocate_session() - 1

    assert world.run(work()) == applied


def test_a_call_under_way_arrives_though_its_caller_has_crashed(world: World) -> None:
    store = world.store(world.one)

    async def work() -> int:
        world.one.spawn(store.journal.allocate_session(), "allocate")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        world.one.crash()
        await asyncio.sleep(1.0)
        return await world.memory.journal.allocate_session()

    assert world.run(work()) == 2


@pytest.mark.parametrize(
    ("pair", "applied"), [(("one", STORE), 0), ((STORE, "one"), 1)], ids=["there", "back"]
)
def test_a_process_cut_off_from_the_store_hears_nothing(
    world: World, pair: tuple[str, str], applied: int
) -> None:
    store = world.store(world.one)
    world.network.cut(*pair)

    async def work() -> int:
        with pytest.raises(OutcomeUnknown):
            await store.journal.allocate_session()
        world.network.mend(*pair)
        return await store.journal.allocate_session() - 1

    assert world.run(work()) == applied


def test_messages_stop_where_the_network_is_cut_and_only_in_that_direction(world: World) -> None:
    got: list[str] = []
    world.network.cut("one", "two")

    async def work() -> None:
        assert not world.network.send("one", "two", lambda: got.append("there"))
        assert world.network.send("two", "one", lambda: got.append("back"))
        await asyncio.sleep(1.0)

    world.run(work())
    assert got == ["back"]


def test_a_restored_registry_has_its_old_contents_and_its_watches_broken(world: World) -> None:
    access = world.access(world.one)

    async def work() -> None:
        await access.transact([], [Put("k", b"old")])
        world.registry.back_up()
        await access.transact([], [Put("k", b"new")])
        watch = access.watch_prefix("")
        world.registry.restore()
        with pytest.raises(Unavailable):
            await anext(watch)
        (item,) = (await access.list_prefix("")).items
        assert item.value == b"old"

    world.run(work())


def test_a_wiped_registry_begins_its_revisions_anew_but_gives_no_lease_twice(world: World) -> None:
    access = world.access(world.one)

    async def work() -> None:
        lease = await access.grant_lease(5.0)
        await access.transact([], [Put("k", b"v", lease)])
        world.registry.wipe()
        assert not await access.keep_alive(lease)
        assert await access.grant_lease(5.0) > lease
        result = await access.transact([Compare("k", create_revision=0)], [Put("k", b"again")])
        assert (result.succeeded, result.revision) == (True, 1)

    world.run(work())


def test_a_process_cut_off_from_the_registry_misses_news(world: World) -> None:
    one, two = world.access(world.one), world.access(world.two)

    async def work() -> int:
        watch = one.watch_prefix("")
        world.network.cut(REGISTRY, "one")
        await two.transact([], [Put("k", b"1")])
        news = asyncio.ensure_future(anext(watch))  # type: ignore[arg-type]
        await asyncio.sleep(1.0)
        assert not news.done()
        world.network.mend(REGISTRY, "one")
        await two.transact([], [Put("k", b"2")])
        return await news

    assert world.run(work()) == 2
