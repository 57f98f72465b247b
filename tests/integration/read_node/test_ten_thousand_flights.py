"""Ten thousand flights: kept findings equal what SQL window functions find, also after edits."""

import csv
import random
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from flightmesh.domain.values import Leg
from read_node.schedule_model import ScheduleModel
from tests.unit.read_node.stories import (
    Found,
    Story,
    a_leg,
    apply_fresh,
    folded,
    kept_findings,
    name_id,
)

AIRPLANES = 115
TYPES = ["", "733", "320", "74H"]
AIRPORTS = ["".join((a, b, "X")) for a in "ABCDEF" for b in "GHIJKL"]


class Fleet:
    """Airplanes with two to four rotations each that now and then disagree, and what was told."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.story = Story()
        self.story.create_schedule()
        self.legs: dict[str, dict[str, Leg]] = {}
        self.airplane_of: dict[str, str] = {}
        self.airplanes: dict[str, tuple[str, int | None]] = {}
        self.airports: dict[str, int | None] = {}
        for iata in AIRPORTS[::2]:
            self.define_airport(iata)
        for n in range(AIRPLANES):
            self.add_airplane(f"D-A{n:03d}", known=n % 10 != 0)

    def define_airport(self, iata: str) -> None:
        self.airports[iata] = self.random.choice([None, 25, 40, 60])
        self.story.define_airport(iata, self.airports[iata])

    def add_airplane(self, name: str, known: bool) -> None:
        rotations = [f"{name}/{n}" for n in range(self.random.randint(2, 4))]
        for rotation in rotations:
            self.legs[rotation] = {}
            self.story.create_rotation(rotation)
        clock, place, airplane_type = 0, AIRPORTS[0], self.random.choice(TYPES)
        for n in range(100):
            target = self.random.choice(AIRPORTS)
            origin = place if self.random.random() < 0.95 else self.random.choice(AIRPORTS)
            leg = a_leg(
                f"{name}/{n}",
                clock,
                clock + self.random.randint(40, 200),
                origin,
                target,
                self.random.randint(1, 900),
                f"2026-01-{clock // 1440 % 28 + 1:02d}",
                airplane_type if self.random.random() < 0.95 else self.random.choice(TYPES),
            )
            rotation = rotations[n * len(rotations) // 100]
            if self.random.random() < 0.03:
                rotation = self.random.choice(rotations)
            self.add(rotation, leg)
            place = target
            clock = leg.arrival + self.random.choice([-20, 25, 30, 35, 40, 45, 60, 90])
        for rotation in rotations:
            if self.random.random() < 0.95:
                self.airplane_of[rotation] = name
                self.story.assign(name_id("rotation", rotation), name_id("airplane", name), name)
        if known:
            self.airplanes[name] = airplane_type, self.random.choice([None, 20, 35, 50])
            self.story.register(name, *self.airplanes[name])

    def add(self, rotation: str, leg: Leg) -> None:
        if not any(
            leg.departure < other.arrival and other.departure < leg.arrival
            for other in self.legs[rotation].values()
        ):
            self.legs[rotation][leg.leg_id] = leg
            self.story.add_legs(name_id("rotation", rotation), leg)

    def edit(self) -> None:
        """Something a planner does."""
        rotation = self.random.choice(sorted(self.legs))
        identity = name_id("rotation", rotation)
        match self.random.randrange(4):
            case 0 if self.legs[rotation]:
                leg_id = self.random.choice(sorted(self.legs[rotation]))
                del self.legs[rotation][leg_id]
                self.story.remove_leg(identity, leg_id)
            case 1 if self.legs[rotation]:
                leg = self.legs[rotation][self.random.choice(sorted(self.legs[rotation]))]
                moved = msgspec.structs.replace(leg, departure=leg.departure + 1)
                self.legs[rotation][leg.leg_id] = moved
                self.story.move_leg(identity, leg.leg_id, moved.departure, moved.arrival)
            case 2:
                name = f"D-A{self.random.randrange(AIRPLANES):03d}"
                self.airplane_of[rotation] = name
                self.story.assign(identity, name_id("airplane", name), name)
            case _:
                self.define_airport(self.random.choice(AIRPORTS))

    def write_tables(self, folder: Path) -> None:
        """One CSV file per table of the oracle."""
        legs = [
            (
                leg.leg_id,
                name_id("rotation", rotation).replace("-", ""),
                self.airplane_of.get(rotation),
                leg.departure,
                leg.arrival,
                leg.departure_airport,
                leg.arrival_airport,
                leg.designator,
                leg.aircraft_type or None,
            )
            for rotation, of_rotation in self.legs.items()
            for leg in of_rotation.values()
        ]
        rotations = [
            (name_id("rotation", name).replace("-", ""), self.airplane_of.get(name))
            for name in self.legs
        ]
        airplanes = [(n, kind or None, minimum) for n, (kind, minimum) in self.airplanes.items()]
        for table, columns, rows in (
            ("legs", LEG_COLUMNS, legs),
            ("rotations", "rotation,airplane", rotations),
            ("airplanes", "airplane,type,minimum", airplanes),
            ("airports", "iata,minimum", list(self.airports.items())),
        ):
            with (folder / f"{table}.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(columns.split(","))
                writer.writerows(rows)


LEG_COLUMNS = "leg,rotation,airplane,departure,arrival,origin,destination,designator,type"

PAIRS = """
    WITH pairs AS (
        SELECT leg, destination, arrival, airplane,
            lead(leg) OVER lane AS next_leg,
            lead(origin) OVER lane AS next_origin,
            lead(departure) OVER lane AS next_departure
        FROM legs
        WINDOW lane AS (
            PARTITION BY coalesce(airplane, rotation) ORDER BY departure, arrival, leg
        )
    )
"""
QUERIES = {
    "CONTINUITY": PAIRS
    + "SELECT leg, next_leg FROM pairs WHERE next_leg IS NOT NULL AND destination <> next_origin",
    "GROUND_TIME": PAIRS
    + """
        SELECT leg, next_leg FROM pairs
        LEFT JOIN airports ON iata = destination LEFT JOIN airplanes USING (airplane)
        WHERE next_departure - arrival
            < coalesce(greatest(airports.minimum, airplanes.minimum), 30)
    """,
    "DESIGNATOR": """
        SELECT unnest([string_agg(leg, ' ' ORDER BY departure, arrival, leg)]) FROM legs
        GROUP BY designator HAVING count(*) > 1
    """,
    "AIRPLANE_OVERLAP": """
        SELECT a.leg, b.leg FROM legs a JOIN legs b USING (airplane)
        WHERE a.rotation <> b.rotation AND a.departure < b.arrival AND b.departure < a.arrival
            AND (a.departure, a.arrival, a.leg) < (b.departure, b.arrival, b.leg)
    """,
    "AIRCRAFT_TYPE": """
        SELECT leg FROM legs JOIN airplanes USING (airplane) WHERE legs.type <> airplanes.type
    """,
    "UNKNOWN_AIRPLANE": """
        SELECT rotation FROM rotations ANTI JOIN airplanes USING (airplane)
        WHERE airplane IS NOT NULL
    """,
}


def found_by_sql(folder: Path) -> list[Found]:
    found: list[Found] = []
    with duckdb.connect() as database:
        for table in ("legs", "rotations", "airplanes", "airports"):
            file = folder / f"{table}.csv"
            database.execute(f"CREATE TABLE {table} AS FROM read_csv('{file}', header=true)")
        for kind, query in QUERIES.items():
            rows: list[Any] = database.execute(query).fetchall()
            for row in rows:
                legs = row[0].split() if kind == "DESIGNATOR" else row
                found.append((kind, tuple(str(leg) for leg in legs)))
    return found


def check(fleet: Fleet, model: ScheduleModel, folder: Path) -> None:
    fleet.write_tables(folder)
    kept = kept_findings(model)
    assert sorted(kept) == sorted(found_by_sql(folder))
    assert {kind for kind, _ in kept} == set(QUERIES)


@pytest.mark.parametrize("seed", [1])
def test_findings_of_ten_thousand_flights_equal_those_of_sql(seed: int, tmp_path: Path) -> None:
    fleet = Fleet(seed)
    projection = folded(fleet.story)
    model = projection.schedules.get("s05")
    assert len(model.legs) > 10_000
    check(fleet, model, tmp_path)
    for _ in range(300):
        fleet.edit()
        apply_fresh(projection, fleet.story)
    check(fleet, model, tmp_path)
    assert kept_findings(folded(fleet.story).schedules.get("s05")) == kept_findings(model)
