"""Processes that crash or stop at a certain moment."""

from typing import Any

from flightmesh.testing.simulation.loop import Process
from flightmesh.testing.simulation.store import Trap
from tests.simulation import plan
from tests.simulation.mesh import Mesh
from tests.simulation.plan import PlannedFault

_STEPS = (
    "append", "append", "roll", "open_segment", "seal", "change_claims", "change_claims",
    "read_claims", "flush", "write_watermarks", "read_watermarks", "read_head", "read_entries",
    "add_to_directory", "save",
)  # fmt: skip


class MomentFaults:
    """A method for each kind of fault."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def _trap(self, fault: PlannedFault, method: str, names: Any, spring: Any) -> None:
        self._mesh.traps[fault.number] = Trap(method, names, spring)

    def crash_at_a_step(self, fault: PlannedFault) -> None:
        def spring(process: Process) -> None:
            host = self._mesh.hosts[process.name]
            self._mesh.chronicle.count(f"crash after {method}")
            host.crash()
            self._mesh.loop.environment.later(fault.lasts_s, host.start)

        method = fault.pick(0, _STEPS)
        self._trap(fault, method, self._some_nodes(fault), spring)

    def pause_at_a_step(self, fault: PlannedFault) -> None:
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

    def pause_an_owner_and_crash_its_heirs(self, fault: PlannedFault) -> Any:
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

    def crash_in_birth(self, fault: PlannedFault) -> Any:
        """A node starts, and crashes between its row in the directory and its first segment."""
        host = self._mesh.hosts[fault.pick(0, plan.SHARD_NODES)]

        def spring(process: Process) -> None:
            host.crash()
            self._mesh.loop.environment.later(fault.lasts_s, host.start)

        self._trap(fault, "add_to_directory", (host.name,), spring)
        host.crash()
        host.start()
