"""Findings of a flights file, without any code of Flightmesh: zoneinfo and window functions."""

import csv
import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import airportsdata
import duckdb

FINDINGS = """
WITH pairs AS (
    SELECT tail, origin, departure,
           lag(dest) OVER w AS came_from, lag(arrival) OVER w AS landed
    FROM legs WINDOW w AS (PARTITION BY tail ORDER BY departure, arrival)
)
SELECT
    (SELECT count(*) FROM pairs WHERE came_from <> origin),
    (SELECT count(*) FROM pairs WHERE departure - landed < 30),
    (SELECT count(*) FROM (
        SELECT 1 FROM legs GROUP BY carrier, number, day, origin HAVING count(*) > 1))
"""


def utc_minutes(day: dt.date, hhmm: str, zone: ZoneInfo, after: int | None = None) -> int:
    """Minutes since 1970 of a local time, on the day or, with `after`, the first one above it."""
    clock = dt.timedelta(hours=int(hhmm) // 100, minutes=int(hhmm) % 100)
    while True:
        local = dt.datetime.combine(day, dt.time()) + clock
        minute = int(local.replace(tzinfo=zone).timestamp() // 60)
        if after is None or minute > after:
            return minute
        day += dt.timedelta(days=1)


def kept_legs(path: Path) -> list[tuple[str, str, int, str, str, str, int, int]]:
    """(tail, carrier, number, day, origin, dest, departure, arrival) of the legs that fit."""
    zones = {code: ZoneInfo(a["tz"]) for code, a in airportsdata.load("IATA").items()}
    rows = []
    with path.open(newline="") as file:
        for row in csv.reader(file):
            day = dt.date(int(row[0]), int(row[1]), int(row[2]))
            origin, dest = row[16], row[17]
            departure = utc_minutes(day, row[5], zones[origin])
            local_day = dt.datetime.fromtimestamp(departure * 60, zones[dest]).date()
            first = local_day - dt.timedelta(days=1)
            arrival = utc_minutes(first, row[7], zones[dest], departure)
            number = int(row[9])
            rows.append((row[10], row[8], number, str(day), origin, dest, departure, arrival))
    kept, last_arrival = [], dict[str, int]()
    for leg in sorted(rows, key=lambda leg: leg[6]):
        if leg[6] >= last_arrival.get(leg[0], -(10**12)):
            last_arrival[leg[0]] = leg[7]
            kept.append(leg)
    return kept


def totals(legs: list[tuple[str, str, int, str, str, str, int, int]]) -> dict[str, int]:
    """Number of findings by kind."""
    with duckdb.connect() as db:
        db.execute(
            "CREATE TABLE legs (tail TEXT, carrier TEXT, number INT, day TEXT, origin TEXT,"
            " dest TEXT, departure BIGINT, arrival BIGINT)"
        )
        db.executemany("INSERT INTO legs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", legs)
        counted = db.execute(FINDINGS).fetchone()
    assert counted is not None
    return dict(zip(("continuity", "ground_time", "designator"), counted, strict=True))
