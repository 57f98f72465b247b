"""Faults that last: each gives what ends it."""

from collections.abc import Callable
from typing import Any

from tests.simulation.plan import PlannedFault

End = Callable[[], Any]


def lasting(troubles: dict[object, Any], fault: PlannedFault, trouble: Any) -> End:
    """Puts a trouble among others until the fault ends."""
    troubles[fault.number] = trouble
    return lambda: troubles.pop(fault.number, None)
