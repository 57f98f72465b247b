"""Cut, slow and lossy connections."""

from flightmesh.testing.simulation.bus import BUS
from flightmesh.testing.simulation.network import Weather
from flightmesh.testing.simulation.registry import REGISTRY
from flightmesh.testing.simulation.store import STORE
from tests.simulation import plan
from tests.simulation.faults.lasting import End, lasting
from tests.simulation.mesh import Mesh
from tests.simulation.plan import PlannedFault


class NetworkFaults:
    """A method for each kind of fault."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

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

    def cut_off_a_process(self, fault: PlannedFault) -> End:
        name = self._target(fault)
        # All others, the other processes only, or one of them.
        others = self._others(name)
        if fault.dice[1] < 0.5:
            others = [n for n in others if n not in (STORE, REGISTRY, BUS)]
        elif fault.dice[1] < 0.7:
            others = [fault.pick(2, others)]
        return self._cut([(name, n) for n in others] + [(n, name) for n in others])

    def cut_off_one_way(self, fault: PlannedFault) -> End:
        name = self._target(fault)
        others = self._others(name)
        if fault.dice[1] < 0.4:
            others = [fault.pick(2, others)]
        inwards = fault.dice[3] < 0.5
        return self._cut([(n, name) if inwards else (name, n) for n in others])

    def cut_off_from_the_store(self, fault: PlannedFault) -> End:
        name = fault.pick(0, (*plan.SHARD_NODES, plan.COORDINATORS[0], plan.READ_NODE))
        pairs = [(name, STORE), (STORE, name)]
        return self._cut(pairs[:1] if fault.dice[1] < 0.3 else pairs[1:])

    def cut_off_from_the_registry(self, fault: PlannedFault) -> End:
        name = self._target(fault)
        return self._cut([(name, REGISTRY), (REGISTRY, name)])

    def bad_network(self, fault: PlannedFault) -> End:
        weather = Weather(
            lost=fault.dice[0] * 0.15, doubled=fault.dice[1] * 0.3, late_s=fault.dice[2] * 2.0
        )
        return lasting(self._mesh.network.weather, fault, weather)
