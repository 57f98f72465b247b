"""Aggregate states for snapshots, as MessagePack.

A rotation is saved as its legs in order; its look-up tables are built again. Stored states are only
a short cut: whoever changes a state's shape changes VERSION, and older snapshots are then not used.
"""

from typing import Any, Final

import msgspec

from flightmesh.domain import rotation
from flightmesh.domain.airplane import AirplaneState
from flightmesh.domain.airport import AirportState
from flightmesh.domain.rotation import RotationState
from flightmesh.domain.schedule import ScheduleState
from flightmesh.domain.values import Leg
from flightmesh.errors import CorruptData
from flightmesh.ids import AggregateId

VERSION: Final = 1


class _SavedRotation(msgspec.Struct, frozen=True, array_like=True):
    schedule: str
    incarnation: int
    exists: bool
    name: str
    airplane_id: AggregateId
    registration: str
    legs: list[Leg]


_SAVED: Final[dict[str, type]] = {
    "schedule": ScheduleState,
    "rotation": _SavedRotation,
    "airplane": AirplaneState,
    "airport": AirportState,
}


def encode_state(state: Any) -> bytes:
    """The state as bytes."""
    if isinstance(state, RotationState):
        state = _SavedRotation(
            state.schedule,
            state.incarnation,
            state.exists,
            state.name,
            state.airplane_id,
            state.registration,
            state.order,
        )
    return msgspec.msgpack.encode((VERSION, state))


def decode_state(aggregate_type: str, data: bytes) -> Any:
    """A state of its own.

    Raises:
        CorruptData: the bytes are of another version or of no state of that type.
    """
    try:
        version, raw = msgspec.msgpack.decode(data, type=tuple[int, msgspec.Raw])
        if version != VERSION:
            raise CorruptData(f"a state of version {version}; this program reads {VERSION}")
        state: Any = msgspec.msgpack.decode(raw, type=_SAVED[aggregate_type])
    except (msgspec.MsgspecError, KeyError) as error:
        raise CorruptData(f"state of a {aggregate_type} cannot be read: {error}") from error
    if isinstance(state, _SavedRotation):
        empty = RotationState(
            state.schedule,
            state.incarnation,
            state.exists,
            state.name,
            state.airplane_id,
            state.registration,
        )
        return rotation.restored(empty, state.legs)
    return state
