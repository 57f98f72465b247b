"""Carries out a plan's faults on a mesh, and ends them."""

import asyncio
from collections.abc import Callable
from typing import Any

from flightmesh.errors import FlightmeshError
from flightmesh.testing.faults import Fault
from flightmesh.testing.simulation.bus import BUS, BusTrouble
from flightmesh.testing.simulation.loop import Process
from flightmesh.testing.simulation.network import Weather
from flightmesh.testing.simulation.registry import REGISTRY, RegistryTrouble
from flightmesh.testing.simulation.store import STORE, StoreTrouble, Trap
from tests.simulation import plan
from tests.simulation.mesh import Host, Mesh
from tests.simulation.plan import PlannedFault

_ALL_FAULTS = tuple(Fault)[1:]
_JOURNAL = ("append", "roll", "open_segment", "seal", "read_segment")
_STEPS = (
    "append", "append", "roll", "open_segment", "seal", "change_claims", "change_claims",
    "read_claims", "flush", "write_watermarks", "read_watermarks", "read_head", "read_entries",
    "add_to_directory", "save",
)  # fmt: skip
_CLAIMS = ("read_claims", "change_claims")
_INDEX = (
    "flush",
    "write_watermarks",
    "read_watermarks",
    "read_head",
    "read_chunks",
    "save",
    "load",
)
End = Callable[[], Any]


class Faults:
    """Begins each fault in its time; what it lasts ends by itself, and all end at `stop`."""

    def __init__(self, mesh: Mesh, faults: tuple[PlannedFault, ...]) -> None:
        self._mesh = mesh
        self._ends: dict[int, End] = {}
        for fault in faults:
            mesh.loop.environment.later(fault.at_s, lambda fault=fault: self._begin(fault))

    def _begin(self, fault: PlannedFault) -> None:
        begin = getattr(self, "_" + fault.kind.replace(" ", "_"))
        end = begin(fault)
        self._mesh.chronicle.tell("", f"FAULT {fault}")
        if end is False:
            self._mesh.chronicle.count("fault that found nothing to do")
            return
        self._mesh.chronicle.count(f"fault: {fault.kind}")
        if end is not None:
            self._ends[fault.number] = end
            self._mesh.loop.environment.later(fault.lasts_s, lambda: self._end(fault))

    def _end(self, fault: PlannedFault) -> None:
        end = self._ends.pop(fault.number, None)
        if end is not None:
            self._mesh.chronicle.tell("", f"END OF FAULT {fault}")
            end()

    def stop(self) -> None:
        """Ends all faults; starts all that is down."""
        self._mesh.traps.clear()
        for number in list(self._ends):
            self._ends.pop(number)()
        for name, host in self._mesh.hosts.items():
            if name != plan.LATE_NODE:
                host.start()

    # --- processes ----------------------------------------------------------------------------

    def _crash(self, host: Host | None) -> End | bool:
        if host is None or not host.up:
            return False
        host.crash()
        return host.start

    def _crash_a_shard_node(self, fault: PlannedFault) -> Any:
        return self._crash(fault.pick(0, self._mesh.shard_nodes or [None]))

    def _crash_the_leader(self, _: PlannedFault) -> Any:
        return self._crash(self._mesh.leader)

    def _crash_a_coordinator(self, fault: PlannedFault) -> Any:
        return self._crash(self._mesh.hosts[fault.pick(0, plan.COORDINATORS)])

    def _crash_the_read_node(self, _: PlannedFault) -> Any:
        return self._crash(self._mesh.hosts[plan.READ_NODE])

    def _crash_the_gateway(self, _: PlannedFault) -> Any:
        return self._crash(self._mesh.hosts[plan.GATEWAY])

    def _pause_the_gateway(self, _: PlannedFault) -> Any:
        return self._pause(self._mesh.hosts[plan.GATEWAY])

    def _pause(self, host: Host) -> Any:
        if not host.up:
            return False
        process = host.process
        process.pause()
        return process.resume

    def _pause_a_shard_node(self, fault: PlannedFault) -> Any:
        return self._pause(self._mesh.hosts[fault.pick(0, plan.SHARD_NODES)])

    def _pause_a_coordinator(self, fault: PlannedFault) -> Any:
        leader = self._mesh.leader
        host = leader if leader and fault.dice[1] < 0.7 else None
        return self._pause(host or self._mesh.hosts[fault.pick(0, plan.COORDINATORS)])

    def _pause_the_read_node(self, _: PlannedFault) -> Any:
        return self._pause(self._mesh.hosts[plan.READ_NODE])

    def _slow_a_shard_node(self, fault: PlannedFault) -> Any:
        host = self._mesh.hosts[fault.pick(0, plan.SHARD_NODES)]
        if not host.up:
            return False
        process = host.process
        process.slow_down(0.01 + fault.dice[1] * 0.1)
        return lambda: process.slow_down(0.0)

    # --- processes at certain moments -------------------------------------------------------------

    def _trap(self, fault: PlannedFault, method: str, names: Any, spring: Any) -> None:
        self._mesh.traps[fault.number] = Trap(method, names, spring)

    def _crash_at_a_step(self, fault: PlannedFault) -> None:
        def spring(process: Process) -> None:
            host = self._mesh.hosts[process.name]
            self._mesh.chronicle.count(f"crash after {method}")
            host.crash()
            self._mesh.loop.environment.later(fault.lasts_s, host.start)

        method = fault.pick(0, _STEPS)
        self._trap(fault, method, self._some_nodes(fault), spring)

    def _pause_at_a_step(self, fault: PlannedFault) -> None:
        def spring(process: Process) -> None:
            self._mesh.chronicle.count(f"pause after {method}")
            process.pause()
            self._mesh.loop.environment.later(fault.lasts_s, process.resume)

        method = fault.pick(0, _STEPS)
        self._trap(fault, method, self._some_nodes(fault), spring)

    def _some_nodes(self, fault: PlannedFault) -> tuple[str, ...]:
        if fault.dice[1] < 0.3:
            return plan.COORDINATORS
        return (*plan.SHARD_NODES, plan.LATE_NODE)

    def _pause_an_owner_and_crash_its_heirs(self, fault: PlannedFault) -> Any:
        """A deposed owner awakes; just then those who took over crash."""
        mesh, world = self._mesh, self._mesh.loop.environment
        host = mesh.hosts[fault.pick(0, plan.SHARD_NODES)]
        if not host.up:
            return False
        process = host.process

        def crash_heirs() -> None:
            for other in mesh.shard_nodes:
                if other is not host and not other.process.paused:
                    other.crash()
                    world.later(0.1 + fault.dice[2], other.start)

        def end() -> None:
            process.resume()
            world.later(fault.dice[1] * 0.7, crash_heirs)

        process.pause()
        return end

    def _crash_in_birth(self, fault: PlannedFault) -> Any:
        """A node starts, and crashes between its row in the directory and its first segment."""
        host = self._mesh.hosts[fault.pick(0, plan.SHARD_NODES)]

        def spring(process: Process) -> None:
            host.crash()
            self._mesh.loop.environment.later(fault.lasts_s, host.start)

        self._trap(fault, "add_to_directory", (host.name,), spring)
        host.crash()
        host.start()

    # --- network ------------------------------------------------------------------------------

    def _cut(self, pairs: list[tuple[str, str]]) -> End:
        for pair in pairs:
            self._mesh.network.cut(*pair)

        def mend() -> None:
            for pair in pairs:
                self._mesh.network.mend(*pair)

        return mend

    def _others(self, name: str) -> list[str]:
        return [n for n in (*self._mesh.hosts, STORE, REGISTRY, BUS) if n != name]

    def _target(self, fault: PlannedFault) -> str:
        names = (*plan.SHARD_NODES, *plan.SHARD_NODES, *plan.COORDINATORS, plan.READ_NODE)
        return str(fault.pick(0, (*names, plan.GATEWAY, plan.CLIENTS[0])))

    def _cut_off_a_process(self, fault: PlannedFault) -> End:
        name = self._target(fault)
        # All others, the other processes only, or one of them.
        others = self._others(name)
        if fault.dice[1] < 0.5:
            others = [n for n in others if n not in (STORE, REGISTRY, BUS)]
        elif fault.dice[1] < 0.7:
            others = [fault.pick(2, others)]
        return self._cut([(name, n) for n in others] + [(n, name) for n in others])

    def _cut_off_one_way(self, fault: PlannedFault) -> End:
        name = self._target(fault)
        others = self._others(name)
        if fault.dice[1] < 0.4:
            others = [fault.pick(2, others)]
        inwards = fault.dice[3] < 0.5
        return self._cut([(n, name) if inwards else (name, n) for n in others])

    def _cut_off_from_the_store(self, fault: PlannedFault) -> End:
        name = fault.pick(0, (*plan.SHARD_NODES, plan.COORDINATORS[0], plan.READ_NODE))
        pairs = [(name, STORE), (STORE, name)]
        return self._cut(pairs[:1] if fault.dice[1] < 0.3 else pairs[1:])

    def _cut_off_from_the_registry(self, fault: PlannedFault) -> End:
        name = self._target(fault)
        return self._cut([(name, REGISTRY), (REGISTRY, name)])

    def _bad_network(self, fault: PlannedFault) -> End:
        weather = Weather(
            lost=fault.dice[0] * 0.15, doubled=fault.dice[1] * 0.3, late_s=fault.dice[2] * 2.0
        )
        return self._set(self._mesh.network.weather, fault, weather)

    def _set(self, troubles: dict[object, Any], fault: PlannedFault, trouble: Any) -> End:
        troubles[fault.number] = trouble
        return lambda: troubles.pop(fault.number, None)

    # --- store --------------------------------------------------------------------------------

    def _store(self, fault: PlannedFault, methods: tuple[str, ...], most: float) -> End:
        kinds = _ALL_FAULTS if fault.dice[0] < 0.5 else (fault.pick(1, _ALL_FAULTS),)
        one = fault.dice[2] < 0.3
        trouble = StoreTrouble(
            probability=0.05 + fault.dice[3] * most,
            kinds=kinds,
            methods=methods,
            processes=(fault.pick(4, plan.SHARD_NODES),) if one else (),
            timeout_s=0.05 + fault.dice[5] * 1.5,
            late_s=0.1 + fault.dice[6] * 6.0,
        )
        return self._set(self._mesh.trouble, fault, trouble)

    def _bad_store(self, fault: PlannedFault) -> End:
        return self._store(fault, (), 0.2)

    def _bad_journal(self, fault: PlannedFault) -> End:
        return self._store(fault, _JOURNAL, 0.5)

    def _bad_claims(self, fault: PlannedFault) -> End:
        return self._store(fault, _CLAIMS, 0.6)

    def _bad_index(self, fault: PlannedFault) -> End:
        return self._store(fault, _INDEX, 0.6)

    def _hand_over_while_appends_are_slow(self, fault: PlannedFault) -> Any:
        """Entries gather while one is under way, and their shards are asked back."""
        if self._mesh.leader is None:
            return False
        world = self._mesh.loop.environment
        for turn in range(4):
            shard = (int(fault.dice[0] * 8) + turn * 3) % 8
            world.later(turn * fault.lasts_s / 5, lambda shard=shard: self._move(shard, ""))
        slow = StoreTrouble(0.0, (), ("append",), slow_s=0.05 + fault.dice[1] * 0.4)
        return self._set(self._mesh.trouble, fault, slow)

    def _break_snapshots(self, _: PlannedFault) -> Any:
        broken = self._mesh.store.break_snapshots()
        return None if broken else False

    # --- registry and bus ---------------------------------------------------------------------

    def _registry_down(self, fault: PlannedFault) -> End:
        self._mesh.registry.break_watches()
        return self._set(self._mesh.registry.trouble, fault, RegistryTrouble(down=1.0))

    def _bad_registry(self, fault: PlannedFault) -> End:
        trouble = RegistryTrouble(
            down=fault.dice[0] * 0.3,
            lost=fault.dice[1] * 0.4,
            late=fault.dice[2] * 0.4,
            blind=fault.dice[3] * 0.6,
        )
        return self._set(self._mesh.registry.trouble, fault, trouble)

    def _wipe_the_registry(self, _: PlannedFault) -> None:
        self._mesh.registry.wipe()
        self._mesh.store.lose_map()

    def _restore_the_registry(self, fault: PlannedFault) -> None:
        self._mesh.registry.restore()
        self._mesh.store.lose_map()

    def _lose_leases(self, fault: PlannedFault) -> None:
        self._mesh.registry.lose_leases(lambda lease: (lease * 7919) % 10 < fault.dice[0] * 10)

    def _bad_bus(self, fault: PlannedFault) -> End:
        trouble = BusTrouble(fault.dice[0] * 0.6, fault.dice[1] * 0.5, fault.dice[2] * 1.5)
        return self._set(self._mesh.bus.trouble, fault, trouble)

    def _wipe_the_bus(self, _: PlannedFault) -> None:
        self._mesh.bus.wipe()

    # --- operators ----------------------------------------------------------------------------

    def _drain_and_restart_a_node(self, fault: PlannedFault) -> Any:
        host = self._mesh.hosts[fault.pick(0, plan.SHARD_NODES)]
        service = host.node
        if not host.up or service is None or service.node._session is None:
            return False
        process = host.process

        async def leave() -> None:
            await service.drain(5.0)
            if host.process is process:
                self._mesh.network.close(host.name)
                await asyncio.sleep(1.0)  # as a server's grace: what has arrived begins
            await service.stop()
            process.crash()
            if host.process is process:
                self._mesh.loop.environment.later(fault.lasts_s, host.start)

        process.spawn(leave(), "drain")
        return None

    def _stop_and_restart_the_leader(self, fault: PlannedFault) -> Any:
        host = self._mesh.leader
        if host is None or host.coordinator is None:
            return False
        coordinator, process = host.coordinator, host.process

        async def leave() -> None:
            await coordinator.stop()
            process.crash()
            if host.process is process:
                self._mesh.loop.environment.later(fault.lasts_s, host.start)

        process.spawn(leave(), "stop")
        return None

    def _ask_leader(self, ask: Callable[[Any], Any]) -> Any:
        host = self._mesh.leader
        if host is None:
            return False

        async def call() -> None:
            try:
                await ask(host.coordinator)
            except FlightmeshError as error:
                self._mesh.chronicle.tell("operator", f"is refused: {error}")

        host.process.spawn(call(), "operator")
        return None

    def _drain_a_node_by_its_operator(self, fault: PlannedFault) -> Any:
        name = fault.pick(0, plan.SHARD_NODES)
        return self._ask_leader(lambda coordinator: coordinator.drain_node(name))

    def _move_a_shard(self, fault: PlannedFault) -> Any:
        shard = int(fault.dice[0] * 8)
        return self._ask_leader(lambda coordinator: coordinator.move_shard(shard, ""))

    def _move_a_shard_to_and_fro(self, fault: PlannedFault) -> Any:
        if self._mesh.leader is None:
            return False
        shard, world = int(fault.dice[0] * 8), self._mesh.loop.environment
        for turn, name in enumerate(plan.SHARD_NODES * 2):
            wait_s = turn * (0.5 + fault.dice[1])
            world.later(wait_s, lambda name=name: self._move(shard, name))
        return None

    def _move(self, shard: int, name: str) -> None:
        self._ask_leader(lambda coordinator: coordinator.move_shard(shard, name))

    def _a_node_joins(self, _: PlannedFault) -> Any:
        host = self._mesh.hosts[plan.LATE_NODE]
        if host.up:
            return False
        host.start()
        return None

    def _a_clock_jumps(self, fault: PlannedFault) -> Any:
        host = self._mesh.hosts[fault.pick(0, plan.SHARD_NODES)]
        host.process.skew_us += int((fault.dice[1] - 0.5) * 20e6)
