"""A real mesh whose read model is made wrong behind its back: the doctor says what is wrong."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from clients import methods
from clients.aio import FlightmeshClient
from clients.cli.checks import Verdict
from clients.cli.doctor import examine
from clients.config import ClientConfig
from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.api.schedule.v1 import events_pb2
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.ids import (
    airplane_id,
    airport_id,
    id_bytes,
    id_text,
    rotation_id,
    schedule_aggregate_id,
)
from flightmesh.runtime.lifecycle import StopSignal
from launcher import embedded
from launcher.config import EmbeddedConfig
from read_node.bootstrap import ReadNode, build_read_node
from read_node.finding_lists import Kind

SCHEDULE = "s1"
ROTATIONS = [rotation_id(SCHEDULE, f"R{number}") for number in range(6)]
PLANE = airplane_id(SCHEDULE, "F-ABCD")
AIRPORT = airport_id(SCHEDULE, "CDG")
MODEL, FINDINGS = "read model equals the write side", "findings follow from the legs"
SCHEDULES = "schedules equal the write side's"


def commands() -> list[pb.ExecuteRequest]:
    """A schedule: six rotations of two legs with too little time between, airplane, airport."""
    made = [
        pb.ExecuteRequest(schedule=SCHEDULE, create_schedule={}),
        pb.ExecuteRequest(schedule=SCHEDULE, register_airplane={"registration": "F-ABCD"}),
        pb.ExecuteRequest(
            schedule=SCHEDULE, define_airport={"iata": "CDG", "minimum_ground_minutes": 40}
        ),
    ]
    for place, rotation in enumerate(ROTATIONS):
        first_s = 1_118_707_200 + place * 86_400
        made.append(
            pb.ExecuteRequest(
                schedule=SCHEDULE, aggregate_id=rotation, create_rotation={"name": f"R{place}"}
            )
        )
        made += [
            _leg(rotation, first_s, "MRS", "CDG"),
            _leg(rotation, first_s + 5400, "CDG", "MRS"),
        ]
    assigned = {"airplane_id": PLANE, "registration": "F-ABCD"}
    made.append(
        pb.ExecuteRequest(
            schedule=SCHEDULE, aggregate_id=ROTATIONS[0], assign_rotation_to_airplane=assigned
        )
    )
    return made


def _leg(rotation: str, departure_s: int, origin: str, destination: str) -> pb.ExecuteRequest:
    request = pb.ExecuteRequest(schedule=SCHEDULE, aggregate_id=rotation)
    leg = request.add_leg.leg
    leg.carrier, leg.day_of_origin = "XX", "2005-06-14"
    leg.flight_number = departure_s // 1800 % 9_000 + 1
    leg.departure_airport, leg.arrival_airport = origin, destination
    leg.departure_time.seconds, leg.arrival_time.seconds = departure_s, departure_s + 3600
    return request


class Examined:
    """The mesh's read node, and the doctor's word."""

    def __init__(self, reader: ReadNode, client: FlightmeshClient) -> None:
        self.reader = reader
        self.client = client

    async def verdicts(self) -> dict[str, Verdict]:
        return {each.check: each for each in await examine(self.client, lambda _: None)}

    def apply(self, aggregate_id: str, event: Any, schedule: str = SCHEDULE) -> None:
        """Has the read model take an event that never was."""
        record = entry_pb2.Record(
            aggregate_id=id_bytes(aggregate_id), scope=schedule, aggregate_sequence=100
        )
        record.events.add(type=type(event).__name__, version=1, payload=event.SerializeToString())
        self.reader.projection.apply(record)
        self.reader.projection.settle()


@pytest.fixture
async def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Examined]:
    readers: list[ReadNode] = []

    def build(*args: Any, **settings: Any) -> ReadNode:
        readers.append(build_read_node(*args, **settings))
        return readers[0]

    monkeypatch.setattr(embedded, "build_read_node", build)
    config = EmbeddedConfig(tmp_path, http_port=0, grpc_port=0, shard_count=8, sample=False)
    async with AsyncExitStack() as stack:
        mesh = embedded.EmbeddedMesh(config, StopSignal())
        await mesh.start(stack)
        client = await stack.enter_async_context(
            FlightmeshClient(ClientConfig((f"127.0.0.1:{mesh.grpc_port}",)))
        )
        for request in commands():
            client.saw((await client._connection.unary(methods.EXECUTE, request)).position)
        yield Examined(readers[0], client)


async def test_a_read_model_that_is_right_is_well(examined: Examined) -> None:
    verdicts = await examined.verdicts()

    assert not [each for each in verdicts.values() if not each.ok]
    assert verdicts[SCHEDULES].detail == "1 schedules on 1 read nodes"
    assert verdicts[MODEL].detail == "8 rotations, airplanes and airports on 1 read nodes"
    assert verdicts[FINDINGS].detail == "6 findings on 1 read nodes"


@pytest.mark.parametrize(
    ("aggregate_id", "event", "said"),
    [
        (ROTATIONS[1], events_pb2.RotationRemoved(), "is not on the read side"),
        (PLANE, events_pb2.AirplaneRetired(), "is not on the read side"),
        (
            rotation_id(SCHEDULE, "nobody's"),
            events_pb2.RotationCreated(schedule=SCHEDULE, incarnation=1, name="nobody's"),
            "is on the read side only",
        ),
        (ROTATIONS[2], events_pb2.RotationUnassigned(), ""),
        (ROTATIONS[0], events_pb2.RotationUnassigned(), "has other airplane_id on the read side"),
        (
            AIRPORT,
            events_pb2.AirportDefined(
                schedule=SCHEDULE, incarnation=1, iata="CDG", minimum_ground_minutes=35
            ),
            "has other minimum_ground_minutes on the read side",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Message) else None,
)
async def test_what_differs_from_the_owners_is_named(
    examined: Examined, aggregate_id: str, event: Any, said: str
) -> None:
    examined.apply(aggregate_id, event)

    verdict = (await examined.verdicts())[MODEL]

    assert verdict.ok is not bool(said)
    assert said in verdict.detail
    assert not said or aggregate_id in verdict.detail


async def test_a_schedule_that_the_read_side_lacks_or_has_alone_is_named(
    examined: Examined,
) -> None:
    examined.apply(schedule_aggregate_id(SCHEDULE), events_pb2.ScheduleDeleted())
    never = events_pb2.ScheduleCreated(schedule="never", incarnation=1)
    examined.apply(schedule_aggregate_id("never"), never, "never")

    verdict = (await examined.verdicts())[SCHEDULES]

    assert not verdict.ok
    assert f"schedule {SCHEDULE} is not on the read side" in verdict.detail
    assert "schedule never is on the read side only" in verdict.detail


async def test_a_deleted_schedule_is_missed_by_nobody(examined: Examined) -> None:
    client = examined.client
    await client.commands.delete_schedule(SCHEDULE)

    verdict = (await examined.verdicts())[SCHEDULES]

    assert (verdict.ok, verdict.detail) == (True, "0 schedules on 1 read nodes")


async def test_a_leg_that_the_read_side_lost_is_named(examined: Examined) -> None:
    model = examined.reader.projection.schedules.get(SCHEDULE)
    assert model is not None
    lost = model.legs.leg_id[next(iter(model.legs.slots_in_use()))]
    (rotation,) = {
        id_text(model.legs.rotation[slot].id)
        for slot in model.legs.slots_in_use()
        if model.legs.leg_id[slot] == lost
    }
    examined.apply(rotation, events_pb2.LegRemoved(leg_id=lost))

    verdicts = await examined.verdicts()

    assert f"rotation {rotation} has other legs" in verdicts[MODEL].detail
    assert verdicts[FINDINGS].ok  # they are those of the legs that are left


@pytest.mark.parametrize("extra", [False, True])
async def test_findings_that_do_not_follow_from_the_legs_are_named(
    examined: Examined, extra: bool
) -> None:
    model = examined.reader.projection.schedules.get(SCHEDULE)
    assert model is not None
    short = model.lists[Kind.GROUND_TIME]
    key = short.ordered()[0]
    if extra:
        model.lists[Kind.CONTINUITY].add(key)
    else:
        short.discard(key)
    model.version += 1

    verdicts = await examined.verdicts()

    assert not verdicts[FINDINGS].ok
    said = "is listed and is none" if extra else "is not listed"
    assert said in verdicts[FINDINGS].detail
    assert ("continuity" if extra else "ground_time") in verdicts[FINDINGS].detail
    assert verdicts[MODEL].ok
