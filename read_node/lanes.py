"""Rotations and airplanes of the read model.

A *lane* is what legs follow each other on: an airplane with all its rotations, or a rotation that
has no airplane. A lane keeps its legs as ascending integers, departure << 24 | slot, and the window
of departures (`low` to `high`, minutes) in which something changed since the checks last ran.
"""

from typing import final

# A window that holds nothing: low above high, and any change makes it begin anew.
NO_LOW = 1 << 40
NO_HIGH = -(1 << 40)


@final
class Rotation:
    """A rotation.

    Attributes:
        id: its aggregate id, 16 bytes.
        name: for people.
        sequence: of its aggregate.
        airplane: the airplane it is assigned to.
        registration: as the assignment gave it; may be empty.
        keys: its legs, ascending.
        slots: its legs' slots by leg id; None until one of many legs is looked for.
        low: first changed departure.
        high: last changed departure.
    """

    __slots__ = (
        "airplane",
        "high",
        "id",
        "keys",
        "low",
        "name",
        "registration",
        "sequence",
        "slots",
    )

    def __init__(self, rotation_id: bytes, name: str) -> None:
        self.id = rotation_id
        self.name = name
        self.sequence = 0
        self.airplane: Airplane | None = None
        self.registration = ""
        self.keys: list[int] = []
        self.slots: dict[str, int] | None = None
        self.low = NO_LOW
        self.high = NO_HIGH

    def lane_keys(self) -> list[int]:
        """The legs of the lane, ascending."""
        return self.keys


@final
class Airplane:
    """An airplane, registered or only named by an assignment.

    Attributes:
        id: its aggregate id, 16 bytes.
        registered: whether it exists.
        registration: as registered; empty if it is not.
        aircraft_type: IATA code, empty if unknown.
        type_number: number of that type in the columns; 0 is unknown.
        minimum: minimum ground minutes; None if unknown.
        sequence: of its aggregate.
        rotations: those assigned to it, by id.
        merged: legs of all of them, ascending, where there are two rotations or more; None while
            it has to be made anew.
        low: first changed departure.
        high: last changed departure.
    """

    __slots__ = (
        "aircraft_type",
        "high",
        "id",
        "low",
        "merged",
        "minimum",
        "registered",
        "registration",
        "rotations",
        "sequence",
        "type_number",
    )

    def __init__(self, airplane_id: bytes) -> None:
        self.id = airplane_id
        self.registered = False
        self.registration = ""
        self.aircraft_type = ""
        self.type_number = 0
        self.minimum: int | None = None
        self.sequence = 0
        self.rotations: dict[bytes, Rotation] = {}
        self.merged: list[int] | None = None
        self.low = NO_LOW
        self.high = NO_HIGH

    def lane_keys(self) -> list[int]:
        """The legs of the lane, ascending."""
        if len(self.rotations) == 1:
            return next(iter(self.rotations.values())).keys
        if self.merged is None:
            keys: list[int] = []
            for rotation in self.rotations.values():
                keys += rotation.keys
            keys.sort()
            self.merged = keys
        return self.merged

    def legs(self) -> int:
        """Number of its legs."""
        return sum(len(rotation.keys) for rotation in self.rotations.values())

    def shown_registration(self) -> str:
        """Its registration; while it does not exist, the first by name that an assignment gave."""
        if self.registered:
            return self.registration
        given = (r.registration for r in self.rotations.values() if r.registration)
        return min(given, default="")


Lane = Rotation | Airplane
