"""What a snapshot holds of one schedule's model, and the model made of it again. Pure.

An image is taken in pieces, so that other work gets its turn between two of them; the model must
not change meanwhile, and its findings must be settled. Only what cannot be told from the rest is
kept: the order of days, the findings of pairs and the unknown airplanes come from the columns.
Numbers of slots, routes and so on are kept as they are, since the columns name each other by them.
"""

from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, final

import msgspec

from flightmesh.domain.values import FindingRules
from read_node.airports import AirportDefinition
from read_node.finding_lists import (
    AIRCRAFT_TYPE,
    CONTINUITY,
    FINDING_SHIFT,
    GROUND_TIME,
    OVERLAP,
    Kind,
)
from read_node.lanes import Airplane, Rotation
from read_node.legs import SLOT_BITS, SLOT_MASK, LegsImage
from read_node.schedule_model import ScheduleModel

# Numbers in one piece: some milliseconds to take and to write.
_LEGS: Final = 50_000
_ROTATIONS: Final = 4_000
_NONE: Final = -1
_OF_LANES: Final = (
    Kind.CONTINUITY,
    Kind.GROUND_TIME,
    Kind.AIRCRAFT_TYPE,
    Kind.AIRPLANE_OVERLAP,
)


class ModelHead(msgspec.Struct, array_like=True, tag="model"):
    """The first piece of a model."""

    name: str
    incarnation: int
    title: str
    rules: FindingRules
    born: bool
    airports: list[AirportDefinition]


class LegIdsPiece(msgspec.Struct, array_like=True, tag="leg ids"):
    """Some legs' ids, by slot; empty for free slots."""

    ids: list[str]


class LegsPiece(msgspec.Struct, array_like=True, tag="legs"):
    """The columns; after the ids."""

    legs: LegsImage


class AirplaneImage(msgspec.Struct, array_like=True, gc=False):
    """An airplane; see Airplane."""

    id: bytes
    registered: bool
    registration: str
    aircraft_type: str
    minimum: int | None
    sequence: int


class AirplanesPiece(msgspec.Struct, array_like=True, tag="airplanes"):
    """All airplanes."""

    airplanes: list[AirplaneImage]


class RotationsPiece(msgspec.Struct, array_like=True, tag="rotations"):
    """Some rotations, by column; `airplanes` are numbers of airplanes or -1, `keys` their legs."""

    ids: list[bytes]
    names: list[str]
    sequences: list[int]
    airplanes: list[int]
    registrations: list[str]
    counts: list[int]
    keys: bytes


class FindingsPiece(msgspec.Struct, array_like=True, tag="findings"):
    """The last piece of a model: repeated designators and overlaps, by slots."""

    repeated: list[list[int]]
    overlaps: dict[int, tuple[int, ...]]


ModelPiece = ModelHead | LegIdsPiece | LegsPiece | AirplanesPiece | RotationsPiece | FindingsPiece


def image_of(model: ScheduleModel) -> Iterator[ModelPiece]:
    """The pieces of a settled model, each of them a copy."""
    assert not model.dirty, "an image is taken of settled findings only"
    assert not model.airports.changed, "an image is taken of settled findings only"
    airports = model.airports.definitions()
    yield ModelHead(model.name, model.incarnation, model.title, model.rules, model.born, airports)
    leg_ids = model.legs.leg_id
    for start in range(0, len(leg_ids), _LEGS):
        yield LegIdsPiece(leg_ids[start : start + _LEGS])
    yield LegsPiece(model.legs.dump())
    yield AirplanesPiece([_airplane_image(airplane) for airplane in model.airplanes.values()])
    numbers = {airplane_id: number for number, airplane_id in enumerate(model.airplanes)}
    rotations = list(model.rotations.values())
    for start in range(0, len(rotations), _ROTATIONS):
        yield _rotations_piece(rotations[start : start + _ROTATIONS], numbers)
    yield FindingsPiece(model.designators.dump(), dict(model.overlaps))


def _airplane_image(airplane: Airplane) -> AirplaneImage:
    return AirplaneImage(
        airplane.id,
        airplane.registered,
        airplane.registration,
        airplane.aircraft_type,
        airplane.minimum,
        airplane.sequence,
    )


def _rotations_piece(rotations: Sequence[Rotation], numbers: dict[bytes, int]) -> RotationsPiece:
    keys = array("q", chain.from_iterable([each.keys for each in rotations]))
    return RotationsPiece(
        [each.id for each in rotations],
        [each.name for each in rotations],
        [each.sequence for each in rotations],
        [numbers[each.airplane.id] if each.airplane else _NONE for each in rotations],
        [each.registration for each in rotations],
        [len(each.keys) for each in rotations],
        keys.tobytes(),
    )


@final
class ModelReader:
    """Makes a model of the pieces of its image, given in order.

    Args:
        head: the first piece.
    """

    def __init__(self, head: ModelHead) -> None:
        self.model = ScheduleModel(head.name, head.incarnation)
        self._head = head
        self._airplanes: list[Airplane] = []
        self._keys: list[int] = []

    def take(self, piece: ModelPiece) -> bool:
        """Takes a further piece over; returns whether it was the last.

        Raises:
            ValueError: the pieces do not fit together.
            LookupError: likewise.
        """
        match piece:
            case LegIdsPiece(ids):
                self.model.legs.leg_id.extend(ids)
                self.model.legs.rotation.extend([None] * len(ids))
            case LegsPiece(legs):
                self.model.legs.load(legs)
            case AirplanesPiece(airplanes):
                for image in airplanes:
                    self._take_airplane(image)
            case RotationsPiece():
                self._take_rotations(piece)
            case FindingsPiece():
                self._finish(piece)
                return True
            case ModelHead():
                raise ValueError("a model begins within another")
        return False

    def _take_airplane(self, image: AirplaneImage) -> None:
        airplane = self.model.airplanes[image.id] = Airplane(image.id)
        airplane.registered, airplane.registration = image.registered, image.registration
        airplane.aircraft_type = image.aircraft_type
        airplane.type_number = self.model.legs.type_number(image.aircraft_type)
        airplane.minimum, airplane.sequence = image.minimum, image.sequence
        self._airplanes.append(airplane)

    def _take_rotations(self, piece: RotationsPiece) -> None:
        model, holders = self.model, self.model.legs.rotation
        packed = array("q")
        packed.frombytes(piece.keys)
        keys = packed.tolist()
        self._keys += keys
        start = 0
        for rotation_id, name, sequence, number, registration, count in zip(
            piece.ids,
            piece.names,
            piece.sequences,
            piece.airplanes,
            piece.registrations,
            piece.counts,
            strict=True,
        ):
            rotation = model.rotations[rotation_id] = Rotation(rotation_id, name)
            rotation.sequence, rotation.registration = sequence, registration
            rotation.keys = keys[start : start + count]
            start += count
            for key in rotation.keys:
                holders[key & SLOT_MASK] = rotation
            if number != _NONE:
                self._assign(rotation, self._airplanes[number])
        if start != len(keys):
            raise ValueError("rotations and legs do not fit together")

    def _assign(self, rotation: Rotation, airplane: Airplane) -> None:
        rotation.airplane = airplane
        airplane.rotations[rotation.id] = rotation
        self.model.assigned += 1
        if not airplane.registered:
            self.model.unknown[rotation.id] = rotation

    def _finish(self, piece: FindingsPiece) -> None:
        model, head = self.model, self._head
        if len(self._keys) != len(model.legs):
            raise ValueError("legs without rotations")
        self._keys.sort()
        model.days.fill(self._keys)
        model.designators.load(piece.repeated)
        model.overlaps.update(piece.overlaps)
        for kind, keys in _findings(model).items():
            model.lists[kind].fill(keys)
        model.title, model.rules, model.born = head.title, head.rules, head.born
        for definition in head.airports:
            model.define_airport(definition)
        model.airports.cover(len(model.legs.airports))
        # What the airports need is in the findings already.
        model.airports.changed.clear()


def _findings(model: ScheduleModel) -> dict[Kind, list[int]]:
    """The findings that the legs' marks and the overlaps stand for."""
    found: dict[Kind, list[int]] = {kind: [] for kind in _OF_LANES}
    departure, successors = model.legs.departure, model.legs.successor
    for slot, marks in enumerate(model.legs.marks):
        if marks:
            first = departure[slot] << FINDING_SHIFT | slot << SLOT_BITS
            if marks & CONTINUITY:
                found[Kind.CONTINUITY].append(first | successors[slot])
            if marks & GROUND_TIME:
                found[Kind.GROUND_TIME].append(first | successors[slot])
            if marks & AIRCRAFT_TYPE:
                found[Kind.AIRCRAFT_TYPE].append(first)
            if marks & OVERLAP:
                found[Kind.AIRPLANE_OVERLAP] += [first | b for b in model.overlaps[slot]]
    return found
