"""Bad input gets a clear error over REST and gRPC, and nothing is half done."""

import uuid
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.api.shard.v1 import command_service_pb2_grpc as services
from flightmesh.clock import SystemClock, SystemRandomness, new_command_id
from tests.e2e.mesh_process import MeshProcess


def command_id() -> str:
    return new_command_id(SystemClock(), SystemRandomness())


def leg(**changes: Any) -> dict[str, Any]:
    return {
        "carrier": "XX",
        "flight_number": 100,
        "day_of_origin": "2026-07-01",
        "departure_airport": "ORY",
        "arrival_airport": "MRS",
        "departure_time": "2026-07-01T06:00:00Z",
        "arrival_time": "2026-07-01T07:20:00Z",
        **changes,
    }


class Schedule:
    """A schedule of its own with one rotation of one leg, over REST."""

    def __init__(self, mesh: MeshProcess) -> None:
        self.name = f"bad-{uuid.uuid4().hex[:12]}"
        self.root = f"{mesh.http}/v1/schedules/{self.name}"
        self.mesh = mesh
        assert self.send("POST", "", json={}).status_code == 200
        created = self.send("POST", "/rotations", json={"name": "line 1"})
        assert created.status_code == 200, created.text
        self.rotation = created.json()["aggregate_id"]
        assert self.add(leg()).status_code == 200

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return httpx.request(method, self.root + path, timeout=10, **arguments)

    def add(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        path = f"/rotations/{self.rotation}:addLeg"
        return self.send("POST", path, json={"leg": body}, headers=headers)

    def state(self) -> dict[str, Any]:
        answer = self.send("GET", f"/rotations/{self.rotation}")
        assert answer.status_code == 200, answer.text
        state: dict[str, Any] = answer.json()
        return state


@pytest.fixture
def schedule(shared_mesh: MeshProcess) -> Schedule:
    return Schedule(shared_mesh)


def refused(answer: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["reason"]) == (status, reason), problem
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"departure_airport": "OR"}, "leg.departure_airport"),
        ({"arrival_airport": "Mrs"}, "leg.arrival_airport"),
        ({"arrival_time": "2026-07-01T05:59:00Z"}, "leg.arrival_time"),
        ({"arrival_time": "2026-07-01T06:00:00Z"}, "leg.arrival_time"),
        ({"departure_time": "2026-07-01T06:00:30Z"}, "leg.departure_time"),
        ({"flight_number": 0}, "leg.flight_number"),
        ({"carrier": "toolong"}, "leg.carrier"),
        ({"day_of_origin": "2026-02-30"}, "leg.day_of_origin"),
        ({"leg_id": "not-a-uuid"}, "leg.leg_id"),
        ({"departure_utc_offset_minutes": 900}, "leg.departure_utc_offset_minutes"),
    ],
)
def test_a_malformed_leg_is_refused_with_the_name_of_the_field(
    schedule: Schedule, changes: dict[str, Any], field: str
) -> None:
    before = schedule.state()
    problem = refused(schedule.add(leg(flight_number=7) | changes), 400, "INVALID_INPUT")
    assert field in str(problem)
    assert schedule.state() == before


def test_an_overlapping_leg_is_refused_and_all_legs_of_its_command_with_it(
    schedule: Schedule,
) -> None:
    before = schedule.state()
    good = leg(departure_time="2026-07-02T06:00:00Z", arrival_time="2026-07-02T07:20:00Z")
    clash = leg(departure_time="2026-07-01T07:19:00Z", arrival_time="2026-07-01T09:00:00Z")
    for number, body in enumerate((good, clash)):
        body["leg_id"] = str(uuid.uuid4())
        body["flight_number"] = 200 + number
    answer = schedule.send(
        "POST", f"/rotations/{schedule.rotation}:addLegs", json={"legs": [good, clash]}
    )
    problem = refused(answer, 409, "LEG_OVERLAP")
    assert problem["details"]["overlapping_leg_id"] == before["legs"][0]["leg_id"]
    assert schedule.state() == before


def test_a_leg_that_touches_another_is_accepted(schedule: Schedule) -> None:
    touching = leg(
        departure_airport="MRS",
        arrival_airport="ORY",
        departure_time="2026-07-01T07:20:00Z",
        arrival_time="2026-07-01T08:40:00Z",
    )
    assert schedule.add(touching).status_code == 200


def test_a_repeated_command_id_gets_the_first_result_and_a_reused_one_an_error(
    schedule: Schedule,
) -> None:
    key = command_id()
    body = leg(departure_time="2026-07-03T06:00:00Z", arrival_time="2026-07-03T07:00:00Z")
    first = schedule.add(body, **{"Idempotency-Key": key})
    again = schedule.add(body, **{"Idempotency-Key": key})
    assert first.status_code == again.status_code == 200
    assert again.json()["sequence"] == first.json()["sequence"]
    other = schedule.add(body | {"flight_number": 999}, **{"Idempotency-Key": key})
    refused(other, 422, "COMMAND_ID_REUSED")
    assert len(schedule.state()["legs"]) == 2


def test_a_refusal_stays_a_refusal_under_its_command_id(schedule: Schedule) -> None:
    key = command_id()
    refused(schedule.add(leg(flight_number=5), **{"Idempotency-Key": key}), 409, "LEG_OVERLAP")
    first_leg = schedule.state()["legs"][0]["leg_id"]
    removed = schedule.send(
        "POST", f"/rotations/{schedule.rotation}:removeLeg", json={"leg_id": first_leg}
    )
    assert removed.status_code == 200
    refused(schedule.add(leg(flight_number=5), **{"Idempotency-Key": key}), 409, "LEG_OVERLAP")
    assert schedule.state()["legs"] == []


def test_a_stale_expected_sequence_is_refused(schedule: Schedule) -> None:
    sequence = int(schedule.state()["sequence"])
    refused(schedule.add(leg(), **{"If-Match": f'"{sequence - 1}"'}), 412, "SEQUENCE_MISMATCH")
    body = leg(departure_time="2026-07-04T06:00:00Z", arrival_time="2026-07-04T07:00:00Z")
    assert schedule.add(body, **{"If-Match": f'"{sequence}"'}).status_code == 200


def test_commands_to_deleted_and_unknown_schedules_are_refused(schedule: Schedule) -> None:
    assert schedule.send("DELETE", "").status_code == 200
    # Another node may trust the schedule's existence for a second (SPEC D5).
    for _ in range(200):
        answer = schedule.add(leg())
        if answer.status_code != 200 and answer.json()["reason"] == "SCHEDULE_DELETED":
            break
    refused(answer, 410, "SCHEDULE_DELETED")
    refused(schedule.send("GET", "/findings"), 410, "SCHEDULE_DELETED")
    url = f"{schedule.mesh.http}/v1/schedules/never-created/rotations"
    unknown = httpx.post(url, json={"name": "x"})
    refused(unknown, 404, "SCHEDULE_NOT_FOUND")


def test_a_schedule_created_again_is_empty(schedule: Schedule) -> None:
    assert schedule.send("DELETE", "").status_code == 200
    created = schedule.send("POST", "", json={})
    assert created.status_code == 200, created.text
    legs = schedule.send("GET", "/legs", params={"min_position": created.json()["position"]}).json()
    assert legs["legs"] == []


def test_a_message_of_ten_megabytes_is_refused_and_the_server_goes_on(
    shared_mesh: MeshProcess, schedule: Schedule
) -> None:
    request = pb.ExecuteRequest(schedule=schedule.name)
    request.create_rotation.name = "x" * 10_000_000
    with grpc.insecure_channel(shared_mesh.server) as channel:
        stub = services.CommandServiceStub(channel)
        with pytest.raises(grpc.RpcError) as failed:
            stub.Execute(request, timeout=10)
    assert failed.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    answer = schedule.send("POST", "/rotations", content=b"{" + b" " * 10_000_000 + b"}")
    assert answer.status_code == 413
    assert schedule.state()["legs"]


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("garbage", b"what is this?\n" * 5, "SSIM_RECORD_TYPE"),
        ("encoding", "3 XX  42\N{SNOWMAN}".encode() * 30 + b"\n", "SSIM_ENCODING"),
        ("truncated", b"3 XX  420101J\n", "SSIM_TRUNCATED"),
    ],
)
def test_a_file_that_holds_nothing_but_damage_is_told_line_by_line_and_refused(
    shared_mesh: MeshProcess, tmp_path: Path, name: str, content: bytes, rule: str
) -> None:
    file = tmp_path / "damaged.ssim"
    file.write_bytes(content)
    arguments = ("import", "ssim", file, "--schedule", f"damaged-{name}", "--json")
    for options in (["--dry-run"], ["--strict"], []):
        refused = shared_mesh.cli(*arguments, *options, check=False)
        assert refused.returncode == 1
        assert rule in refused.stdout
    names = [s["schedule"] for s in shared_mesh.json("schedules", "list")["schedules"]]
    assert f"damaged-{name}" not in names


@pytest.mark.parametrize("kind", ["airplanes", "airports"])
def test_a_csv_file_with_other_columns_is_refused(
    shared_mesh: MeshProcess, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "other.csv"
    file.write_text("name,colour\nF-ABCD,blue\n")
    refused = shared_mesh.cli("import", kind, file, "--schedule", f"other-{kind}", check=False)
    assert refused.returncode == 1
    assert "the header lacks" in refused.stdout
    names = [s["schedule"] for s in shared_mesh.json("schedules", "list")["schedules"]]
    assert f"other-{kind}" not in names


def test_a_leg_in_an_unknown_time_zone_is_left_out_and_told(
    shared_mesh: MeshProcess, tmp_path: Path
) -> None:
    file = tmp_path / "flights.csv"
    row = "2008,5,1,4,\\N,{dep},\\N,{arr},FL,{number},N1,1,1,1,0,0,{origin},{dest}," + ",".join(
        ["1"] * 11
    )
    file.write_text(
        row.format(dep=800, arr=900, number=1, origin="ATL", dest="ZZZ")
        + "\n"
        + row.format(dep=1000, arr=1130, number=2, origin="ATL", dest="MCO")
        + "\n"
    )
    report = shared_mesh.json("import", "flights", file, "--schedule", "zones")
    assert (int(report["added"]), int(report["rejected"])) == (1, 1)
    assert "ZZZ" in str(report["issues"])
    airports = tmp_path / "airports.csv"
    airports.write_text("iata,minimum_ground_minutes,time_zone\nZZZ,40,America/Chicago\n")
    shared_mesh.cli("import", "airports", airports, "--schedule", "zones")
    again = shared_mesh.json("import", "flights", file, "--schedule", "zones")
    assert (int(again["added"]), int(again["rejected"])) == (1, 0)
