"""Processes that crash, stop for a while, or become slow."""

from typing import Any

from tests.simulation import plan
from tests.simulation.faults.lasting import End
from tests.simulation.mesh import Host, Mesh
from tests.simulation.plan import PlannedFault


class ProcessFaults:
    """A method for each kind of fault."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def _crash(self, host: Host | None) -> End | bool:
        if host is None or not host.up:
            return False
        host.crash()
        return host.start

    def crash_a_shard_node(self, fault: PlannedFault) -> Any:
        return self._crash(fault.pick(0, self._mesh.shard_nodes or [None]))

    def crash_the_leader(self, _: PlannedFault) -> Any:
        return self._crash(self._mesh.leader)

    def crash_a_coordinator(self, fault: PlannedFault) -> Any:
        return self._crash(self._mesh.hosts[fault.pick(0, plan.COORDINATORS)])

    def crash_the_read_node(self, _: PlannedFault) -> Any:
        return self._crash(self._mesh.hosts[plan.READ_NODE])

    def crash_the_gateway(self, _: PlannedFault) -> Any:
        return self._crash(self._mesh.hosts[plan.GATEWAY])

    def pause_the_gateway(self, _: PlannedFault) -> Any:
        return self._pause(self._mesh.hosts[plan.GATEWAY])

    def _pause(self, host: Host) -> Any:
        if not host.up:
            return False
        process = host.process
        process.pause()
        return process.resume

    def pause_a_shard_node(self, fault: PlannedFault) -> Any:
        return self._pause(self._mesh.hosts[fault.pick(0, plan.SHARD_NODES)])

    def pause_a_coordinator(self, fault: PlannedFault) -> Any:
        leader = self._mesh.leader
        host = leader if leader and fault.dice[1] < 0.7 else None
        return self._pause(host or self._mesh.hosts[fault.pick(0, plan.COORDINATORS)])

    def pause_the_read_node(self, _: PlannedFault) -> Any:
        return self._pause(self._mesh.hosts[plan.READ_NODE])

    def slow_a_shard_node(self, fault: PlannedFault) -> Any:
        host = self._mesh.hosts[fault.pick(0, plan.SHARD_NODES)]
        if not host.up:
            return False
        process = host.process
        process.slow_down(0.01 + fault.dice[1] * 0.1)
        return lambda: process.slow_down(0.0)

    def a_clock_jumps(self, fault: PlannedFault) -> Any:
        host = self._mesh.hosts[fault.pick(0, plan.SHARD_NODES)]
        host.process.skew_us += int((fault.dice[1] - 0.5) * 20e6)
