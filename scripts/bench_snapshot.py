"""Snapshots of a read node against its replay: bench_snapshot.py [LEGS [LEGS_PER_ROTATION]].

Makes a synthetic schedule in a journal in memory; then one read node replays and saves it while
queries are asked, and another starts from the snapshot. Prints one line of JSON: seconds and
processor seconds of each, the rest of the follower and its longest slice in processor time of the
event loop's thread (so that a busy machine does not blur them), the longest time without an answer,
and whether both tell the same.
"""

import asyncio
import hashlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.api.schedule.v1 import events_pb2
from flightmesh.event_bus.memory import InMemoryEventBus
from flightmesh.ids import derive, id_bytes, shard_of
from flightmesh.journal import DirectoryRow
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.runtime.lifecycle import spare_garbage_collection
from read_node.bootstrap import ReadNode, build_read_node
from read_node.config import ReadNodeConfig
from read_node.snapshot_file import snapshots_in
from read_node.translate.answers import METHODS

SHARDS = 64
AIRPLANES = 2_000
EVENTS_PER_ENTRY = 60
FIRST_MINUTE = 29_000_000


class Writer:
    """Numbers records by shard and packs them into the entries of one ledger."""

    def __init__(self, journal: InMemoryJournal) -> None:
        self.journal = journal
        self.sequences: dict[int, int] = {}
        self.number = 0
        self.records: list[entry_pb2.Record] = []

    async def add(self, aggregate_id: str, *events: Any) -> None:
        """One record; an entry is written when enough have come."""
        shard = shard_of(aggregate_id, SHARDS)
        first = self.sequences.get(shard, 1)
        self.sequences[shard] = first + len(events)
        self.records.append(
            entry_pb2.Record(
                shard=shard,
                aggregate_id=id_bytes(aggregate_id),
                scope="bench",
                first_shard_sequence=first,
                aggregate_sequence=len(events),
                events=[
                    entry_pb2.StoredEvent(
                        type=type(event).__name__, version=1, payload=event.SerializeToString()
                    )
                    for event in events
                ],
            )
        )
        if sum(len(record.events) for record in self.records) >= EVENTS_PER_ENTRY:
            await self.flush()

    async def flush(self) -> None:
        """Writes what has come."""
        entry = entry_pb2.Entry(format=1, ledger=1, number=self.number, records=self.records)
        await self.journal.append(1, 0, b"writer", self.number, entry.SerializeToString())
        self.number += 1
        self.records.clear()


def legs_of(chance: random.Random, name: str, count: int, airports: list[str]) -> Iterator[Any]:
    """LegAdded events that follow each other, with a break or a short stop now and then."""
    minute = FIRST_MINUTE + chance.randrange(180) * 1440 + 300
    place = chance.choice(airports)
    for number in range(count):
        event = events_pb2.LegAdded()
        leg = event.leg
        leg.leg_id = derive("leg", name, str(number))
        leg.carrier, leg.flight_number = "XX", chance.randrange(1, 9000)
        leg.day_of_origin = f"day {minute // 1440}"
        leg.departure_airport, leg.arrival_airport = place, chance.choice(airports)
        leg.departure_time.seconds = minute * 60
        minute += chance.choice((60, 75, 90, 120, 200))
        leg.arrival_time.seconds = minute * 60
        leg.departure_utc_offset_minutes, leg.arrival_utc_offset_minutes = 60, 120
        leg.aircraft_type, leg.service_type = "733", "J"
        yield event
        minute += 45 if chance.random() < 0.95 else 20
        place = leg.arrival_airport if chance.random() < 0.95 else chance.choice(airports)


async def make(journal: InMemoryJournal, legs: int, per_rotation: int) -> None:
    """The schedule: most rotations have an airplane, and an airplane has many."""
    await journal.add_to_directory(DirectoryRow(1, "shard-1"))
    await journal.open_segment(1, 0, b"writer", 0)
    chance = random.Random(1)  # noqa: S311 - the same legs in every run
    writer = Writer(journal)
    airports = [f"{chr(65 + n // 26)}{chr(65 + n % 26)}X" for n in range(200)]
    created = events_pb2.ScheduleCreated(schedule="bench", incarnation=1, title="bench")
    await writer.add(derive("schedule"), created)
    airplanes = [derive("airplane", str(n)) for n in range(AIRPLANES)]
    for n, airplane in enumerate(airplanes):
        event = events_pb2.AirplaneRegistered(schedule="bench", incarnation=1)
        event.registration, event.aircraft_type = f"D-{n:04d}", "733"
        await writer.add(airplane, event)
    for n in range(legs // per_rotation):
        begin = events_pb2.RotationCreated(schedule="bench", incarnation=1, name=f"r{n}")
        events: list[Any] = [begin, *legs_of(chance, str(n), per_rotation, airports)]
        if chance.random() < 0.9:
            number = chance.randrange(AIRPLANES)
            airplane, name = airplanes[number], f"D-{number:04d}"
            events.append(
                events_pb2.RotationAssignedToAirplane(airplane_id=airplane, registration=name)
            )
        await writer.add(derive("rotation", str(n)), *events)
    await writer.flush()


def told(node: ReadNode) -> str:
    """A digest of all findings and legs, page by page."""
    digest = hashlib.sha256()
    for name, kind in (
        ("list_findings", pb.ListFindingsRequest),
        ("list_legs", pb.ListLegsRequest),
    ):
        token = ""
        while True:
            request = kind(schedule="bench", page_size=1000, page_token=token)
            question = node.answers.question(METHODS[name], request.SerializeToString())
            answer = node.answers.answer(question, node.follower.progress.token())
            digest.update(answer)
            token = METHODS[name].response.FromString(answer).next_page_token
            if not token:
                break
    return digest.hexdigest()


async def ask(node: ReadNode, waits: list[float]) -> None:
    """Asks the same query again and again; notes how long each turn took."""
    request = pb.GetScheduleRequest(schedule="bench").SerializeToString()
    last = time.perf_counter()
    while True:
        question = node.answers.question(METHODS["get_schedule"], request)
        node.answers.answer(question, node.follower.progress.token())
        await asyncio.sleep(0)
        now = time.perf_counter()
        waits.append(now - last)
        last = now


class ProcessorClock:
    """Time goes on only while the event loop's thread works."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        return time.thread_time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def started(config: ReadNodeConfig, journal: InMemoryJournal) -> tuple[ReadNode, list[float]]:
    """A node that is ready, with the seconds and processor seconds that it took."""
    node = build_read_node(config, journal, InMemoryEventBus(), ProcessorClock())
    wall, busy = time.perf_counter(), time.process_time()
    await node.start()
    await node.wait_ready()
    return node, [time.perf_counter() - wall, time.process_time() - busy]


async def measure(legs: int, per_rotation: int, folder: Path) -> dict[str, Any]:
    """All figures."""
    journal = InMemoryJournal()
    await make(journal, legs, per_rotation)
    config = ReadNodeConfig(data_dir=str(folder), snapshot_events=1 << 40)
    load_before = os.getloadavg()[0]
    replayed, replay = await started(config, journal)
    spare_garbage_collection()
    assert replayed.snapshots is not None
    waits: list[float] = []
    asking = asyncio.get_running_loop().create_task(ask(replayed, waits))
    await asyncio.sleep(1)
    usual = sorted(waits)[-1]
    waits.clear()
    wall = time.perf_counter()
    assert await replayed.snapshots.save()
    save = time.perf_counter() - wall
    asking.cancel()
    statistics = replayed.snapshots.statistics
    loaded, load = await started(config, journal)
    assert loaded.snapshots is not None
    same = told(loaded) == told(replayed)
    size = sum(path.stat().st_size for path in snapshots_in(folder))
    report = {
        "legs": legs,
        "events": replayed.projection.events,
        "load_average": round(load_before, 1),
        "replay_s": [round(s, 2) for s in replay],
        "save_s": round(save, 2),
        "rest_processor_ms": round(statistics.rest_s * 1000),
        "longest_slice_processor_ms": round(statistics.longest_slice_s * 1000, 1),
        "longest_without_answer_ms": round(max(waits) * 1000, 1),
        "longest_before_ms": round(usual * 1000, 1),
        "start_from_snapshot_s": [round(s, 2) for s in load],
        "file_mb": round(size / 1e6, 1),
        "same": same and bool(loaded.snapshots.statistics.loaded_events),
    }
    for node in (replayed, loaded):
        await node.stop()
    return report


def main() -> None:
    """Measures and prints."""
    legs = int(sys.argv[1]) if len(sys.argv) > 1 else 600_000
    per_rotation = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(legs, per_rotation, Path(folder)))))


if __name__ == "__main__":
    main()
