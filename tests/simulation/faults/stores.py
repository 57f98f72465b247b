"""A store whose calls fail, and damaged snapshots."""

from typing import Any

from flightmesh.testing.faults import Fault
from flightmesh.testing.simulation.store import StoreTrouble
from tests.simulation import plan
from tests.simulation.faults.lasting import End, lasting
from tests.simulation.mesh import Mesh
from tests.simulation.plan import PlannedFault

_ALL_FAULTS = tuple(Fault)[1:]
_JOURNAL = ("append", "roll", "open_segment", "seal", "read_segment")
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


class StoreFaults:
    """A method for each kind of fault."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

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
        return lasting(self._mesh.trouble, fault, trouble)

    def bad_store(self, fault: PlannedFault) -> End:
        return self._store(fault, (), 0.2)

    def bad_journal(self, fault: PlannedFault) -> End:
        return self._store(fault, _JOURNAL, 0.5)

    def bad_claims(self, fault: PlannedFault) -> End:
        return self._store(fault, _CLAIMS, 0.6)

    def bad_index(self, fault: PlannedFault) -> End:
        return self._store(fault, _INDEX, 0.6)

    def break_snapshots(self, _: PlannedFault) -> Any:
        broken = self._mesh.store.break_snapshots()
        return None if broken else False
