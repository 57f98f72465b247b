"""What operators do: hand-overs, drains, joins."""

import asyncio
from collections.abc import Callable
from typing import Any

from flightmesh.errors import FlightmeshError
from flightmesh.testing.simulation.store import StoreTrouble
from tests.simulation import plan
from tests.simulation.faults.lasting import lasting
from tests.simulation.mesh import Mesh
from tests.simulation.plan import PlannedFault


class OperatorFaults:
    """A method for each kind of fault."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._drained: set[str] = set()

    def drain_and_restart_a_node(self, fault: PlannedFault) -> Any:
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

    def stop_and_restart_the_leader(self, fault: PlannedFault) -> Any:
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

    def drain_a_node_by_its_operator(self, fault: PlannedFault) -> Any:
        name = fault.pick(0, plan.SHARD_NODES)
        # Somebody has to be allowed to take over: nobody ends these drains.
        if self._drained | {name} >= set(plan.SHARD_NODES):
            return False
        self._drained.add(name)
        return self._ask_leader(lambda coordinator: coordinator.drain_node(name))

    def move_a_shard(self, fault: PlannedFault) -> Any:
        shard = int(fault.dice[0] * 8)
        return self._ask_leader(lambda coordinator: coordinator.move_shard(shard, ""))

    def move_a_shard_to_and_fro(self, fault: PlannedFault) -> Any:
        if self._mesh.leader is None:
            return False
        shard, world = int(fault.dice[0] * 8), self._mesh.loop.environment
        for turn, name in enumerate(plan.SHARD_NODES * 2):
            wait_s = turn * (0.5 + fault.dice[1])
            world.later(wait_s, lambda name=name: self._move(shard, name))
        return None

    def _move(self, shard: int, name: str) -> None:
        self._ask_leader(lambda coordinator: coordinator.move_shard(shard, name))

    def hand_over_while_appends_are_slow(self, fault: PlannedFault) -> Any:
        """Entries gather while one is under way, and their shards are asked back."""
        if self._mesh.leader is None:
            return False
        world = self._mesh.loop.environment
        for turn in range(4):
            shard = (int(fault.dice[0] * 8) + turn * 3) % 8
            world.later(turn * fault.lasts_s / 5, lambda shard=shard: self._move(shard, ""))
        slow = StoreTrouble(0.0, (), ("append",), slow_s=0.05 + fault.dice[1] * 0.4)
        return lasting(self._mesh.trouble, fault, slow)

    def a_node_joins(self, _: PlannedFault) -> Any:
        host = self._mesh.hosts[plan.LATE_NODE]
        if host.up:
            return False
        host.start()
        return None
