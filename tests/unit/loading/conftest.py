"""SSIM records as text, written column by column and apart from the exporter."""

from collections.abc import Callable

import pytest

from flightmesh.domain.values import Leg
from flightmesh.loading.plan import LoadPlan
from flightmesh.loading.planners import SsimPlanner

COLUMNS = {
    "suffix": 2,
    "carrier": 3,
    "number": 6,
    "variation": 10,
    "sequence": 12,
    "service": 14,
    "first": 15,
    "last": 22,
    "days": 29,
    "frequency": 36,
    "origin": 37,
    "passenger_departure": 40,
    "departure": 44,
    "departure_variation": 48,
    "destination": 55,
    "arrival": 58,
    "passenger_arrival": 62,
    "arrival_variation": 66,
    "aircraft": 73,
    "overflow": 128,
    "onward": 138,
    "transit": 148,
    "disclosure": 149,
    "date_variations": 193,
    "serial": 195,
}
DEFAULTS = {
    "carrier": "XX",
    "number": " 946",
    "variation": "01",
    "sequence": "01",
    "service": "J",
    "first": "14JUN05",
    "last": "14JUN05",
    "days": " 2     ",
    "origin": "MRS",
    "passenger_departure": "0900",
    "departure": "1000",
    "departure_variation": "+0200",
    "destination": "CDG",
    "arrival": "1130",
    "passenger_arrival": "1230",
    "arrival_variation": "+0200",
    "aircraft": "772",
}


def place(fields: dict[int, str]) -> bytes:
    """A record of 200 columns with texts at columns (from 1)."""
    text = [" "] * 200
    for column, value in fields.items():
        text[column - 1 : column - 1 + len(value)] = value
    return "".join(text).encode("latin-1")


class SsimText:
    """Makes records and files."""

    @staticmethod
    def leg(**fields: str) -> bytes:
        values = {**DEFAULTS, **fields}
        return place({1: "3", **{COLUMNS[name]: value for name, value in values.items()}})

    @staticmethod
    def carrier(mode: str = "U", carrier: str = "XX", validity: str = "27MAR0529OCT05") -> bytes:
        return place({1: "2" + mode, 3: carrier, 15: validity, 29: "28OCT23", 72: "P"})

    @staticmethod
    def header() -> bytes:
        return place({1: "1AIRLINE STANDARD SCHEDULE DATA SET"})

    @staticmethod
    def trailer(carrier: str = "XX") -> bytes:
        return place({1: "5", 3: carrier, 194: "E"})

    @staticmethod
    def segment(element: str = "050", **fields: str) -> bytes:
        values = {**DEFAULTS, **fields}
        key = {
            COLUMNS[name]: values[name]
            for name in ("carrier", "number", "variation", "sequence", "service")
        }
        return place({1: "4", **key, 29: "AB", 31: element})

    def file(
        self, *legs: bytes, mode: str = "U", end: bytes = b"\r\n", zeros: bool = True
    ) -> bytes:
        """A whole file of one block, with serial numbers and lines of zeros."""
        records = [self.header(), self.carrier(mode), *legs, self.trailer()]
        lines: list[bytes] = []
        for serial, record in enumerate(records, 1):
            line = record[:194] + f"{serial:06}".encode()
            if record[:1] == b"5":
                line = line[:187] + f"{serial - 1:06}E".encode() + line[194:]
            lines.append(line)
            if zeros and record[:1] in b"125":
                lines += [b"0" * 200] * 4
        return end.join(lines) + end


@pytest.fixture(scope="session")
def ssim() -> SsimText:
    """Maker of records and files."""
    return SsimText()


@pytest.fixture(scope="session")
def load() -> Callable[..., LoadPlan]:
    """Plans an SSIM file, fed in pieces of an awkward size."""

    def load(data: bytes, assignments: bytes = b"", **options: object) -> LoadPlan:
        planner = SsimPlanner("test", **options)  # type: ignore[arg-type]
        for start in range(0, len(data), 997):
            planner.feed(data[start : start + 997])
        if assignments:
            planner.feed_assignments(assignments)
        return planner.finish()

    return load


@pytest.fixture(scope="session")
def legs_of() -> Callable[[LoadPlan], list[Leg]]:
    """All legs of a plan in order of departure."""

    def legs_of(plan: LoadPlan) -> list[Leg]:
        legs = [leg for rotation in plan.rotations for leg in rotation.legs]
        return sorted(legs, key=lambda leg: (leg.departure, leg.leg_id))

    return legs_of
