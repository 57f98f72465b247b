"""A registry and a bus that fail, forget, or come back older."""

from flightmesh.testing.simulation.bus import BusTrouble
from flightmesh.testing.simulation.registry import RegistryTrouble
from tests.simulation.faults.lasting import End, lasting
from tests.simulation.mesh import Mesh
from tests.simulation.plan import PlannedFault


class RegistryFaults:
    """A method for each kind of fault."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def registry_down(self, fault: PlannedFault) -> End:
        self._mesh.registry.break_watches()
        return lasting(self._mesh.registry.trouble, fault, RegistryTrouble(down=1.0))

    def bad_registry(self, fault: PlannedFault) -> End:
        trouble = RegistryTrouble(
            down=fault.dice[0] * 0.3,
            lost=fault.dice[1] * 0.4,
            late=fault.dice[2] * 0.4,
            blind=fault.dice[3] * 0.6,
        )
        return lasting(self._mesh.registry.trouble, fault, trouble)

    def wipe_the_registry(self, _: PlannedFault) -> None:
        self._mesh.registry.wipe()
        self._mesh.store.lose_map()

    def restore_the_registry(self, fault: PlannedFault) -> None:
        self._mesh.registry.restore()
        self._mesh.store.lose_map()

    def lose_leases(self, fault: PlannedFault) -> None:
        self._mesh.registry.lose_leases(lambda lease: (lease * 7919) % 10 < fault.dice[0] * 10)

    def bad_bus(self, fault: PlannedFault) -> End:
        trouble = BusTrouble(fault.dice[0] * 0.6, fault.dice[1] * 0.5, fault.dice[2] * 1.5)
        return lasting(self._mesh.bus.trouble, fault, trouble)

    def wipe_the_bus(self, _: PlannedFault) -> None:
        self._mesh.bus.wipe()
