"""Carries out a plan's faults on a mesh, and ends them."""

from tests.simulation import plan
from tests.simulation.faults.lasting import End
from tests.simulation.faults.moments import MomentFaults
from tests.simulation.faults.network import NetworkFaults
from tests.simulation.faults.operators import OperatorFaults
from tests.simulation.faults.processes import ProcessFaults
from tests.simulation.faults.registry import RegistryFaults
from tests.simulation.faults.stores import StoreFaults
from tests.simulation.mesh import Mesh
from tests.simulation.plan import PlannedFault

_SUBJECTS = (
    ProcessFaults, MomentFaults, NetworkFaults, StoreFaults, RegistryFaults, OperatorFaults,
)  # fmt: skip


class Faults:
    """Begins each fault in its time; what it lasts ends by itself, and all end at `stop`."""

    def __init__(self, mesh: Mesh, faults: tuple[PlannedFault, ...]) -> None:
        self._mesh = mesh
        self._subjects = tuple(subject(mesh) for subject in _SUBJECTS)
        self._ends: dict[int, End] = {}
        for fault in faults:
            mesh.loop.environment.later(fault.at_s, lambda fault=fault: self._begin(fault))

    def _begin(self, fault: PlannedFault) -> None:
        name = fault.kind.replace(" ", "_")
        (subject,) = (each for each in self._subjects if hasattr(each, name))
        end = getattr(subject, name)(fault)
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
