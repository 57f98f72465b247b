"""The command line against a scripted mesh: output shapes, exit codes, one-line errors."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from typer.testing import CliRunner, Result

from clients.cli.app import app
from flightmesh.api.common.v1.metadata_pb2 import Metadata
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as mesh
from flightmesh.api.loading.v1 import loading_service_pb2 as loading
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.api.schedule.v1 import events_pb2
from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate
from flightmesh.api.shard.v1 import command_service_pb2 as command
from flightmesh.errors import InvalidInput, Overloaded, Refused
from flightmesh.ids import airplane_id
from flightmesh.rpc.errors import status_of

LEG_KEYS = [
    "carrier", "flight_number", "suffix", "day_of_origin", "departure_airport", "arrival_airport",
    "departure_utc", "arrival_utc", "aircraft_type", "rotation_id", "registration", "leg_id",
]  # fmt: skip


def run(scripted: Any, *arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(app, [*arguments, "--server", scripted.address], **options)


def finding(number: int) -> query.Finding:
    return query.Finding(
        kind=query.FINDING_KIND_GROUND_TIME,
        airport="ORY",
        ground_minutes=number,
        required_minutes=30,
        message=f"{number} minutes on the ground",
    )


def test_legs_are_json_lines_in_the_order_of_the_answer(scripted: Any, placed: Any) -> None:
    scripted.legs = placed(12_000)
    result = run(scripted, "legs", "--schedule", "s05", "--json")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 12_000
    first = json.loads(lines[0])
    assert list(first) == LEG_KEYS
    assert first["departure_utc"] == "2005-06-14T23:50Z"
    assert first["arrival_utc"] == "2005-06-15T01:10Z"
    assert [json.loads(line)["leg_id"] for line in lines] == [x.leg.leg_id for x in scripted.legs]


def test_legs_are_a_table_for_people_and_empty_is_said_on_stderr(scripted: Any) -> None:
    shown = run(scripted, "legs", "--schedule", "s05")
    heading, first, *_ = shown.stdout.splitlines()
    assert heading.split()[:2] == ["carrier", "flight"]
    assert "2005-06-14T23:50Z" in first
    assert "\x1b" not in shown.stdout
    scripted.legs = []
    nothing = run(scripted, "legs", "--schedule", "s05")
    assert (nothing.stdout, nothing.stderr) == ("", "nothing found\n")


def test_filters_of_legs_are_sent(scripted: Any) -> None:
    arguments = (
        "--airport", "CDG", "--airplane", "F-ABCD", "--from", "2005-06-14", "--to",
        "2005-06-15T01:00+01:00", "--carrier", "XX", "--flight", "946", "--day", "2005-06-14",
        "--limit", "2",
    )  # fmt: skip
    run(scripted, "legs", "--schedule", "s05", *arguments)
    asked = scripted.calls["ListLegs"][0]
    assert (asked.airport, asked.airplane, asked.carrier) == ("CDG", "F-ABCD", "XX")
    assert (asked.flight_number, asked.day_of_origin, asked.page_size) == (946, "2005-06-14", 2)
    assert getattr(asked, "from").ToJsonString() == "2005-06-14T00:00:00Z"
    assert asked.to.ToJsonString() == "2005-06-15T00:00:00Z"


@pytest.mark.parametrize("count", [0, 1, 999, 2_500])
def test_findings_are_one_json_object_however_many_pages(scripted: Any, count: int) -> None:
    scripted.findings = [finding(number) for number in range(count)]
    scripted.totals = query.FindingTotals(ground_time=count, continuity=4)
    result = run(scripted, "findings", "--schedule", "s05", "--kind", "ground_time", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert list(told) == ["position", "totals", "findings"]
    assert told["position"] == "7:1"
    assert told["totals"] == {
        "continuity": 4, "ground_time": count, "designator": 0, "airplane_overlap": 0,
        "aircraft_type": 0, "unknown_airplane": 0,
    }  # fmt: skip
    assert [item["ground_minutes"] for item in told["findings"]] == list(range(count))
    assert scripted.calls["ListFindings"][0].kind == [query.FINDING_KIND_GROUND_TIME]


def test_findings_keep_their_limit(scripted: Any) -> None:
    scripted.findings = [finding(number) for number in range(2_500)]
    result = run(scripted, "findings", "--schedule", "s05", "--limit", "1203", "--json")
    assert len(json.loads(result.stdout)["findings"]) == 1_203


def test_schedules_nodes_and_shards_are_objects(scripted: Any) -> None:
    scripted.summaries = [query.ScheduleSummary(schedule="s05", legs=3_070)]
    scripted.nodes = [mesh.Node(name="n1", role=mesh.NODE_ROLE_SHARD_NODE, shards_owned=8)]
    listed = json.loads(run(scripted, "schedules", "list", "--json").stdout)
    assert listed == json.loads(run(scripted, "schedules", "--json").stdout)
    assert listed["schedules"][0]["legs"] == 3_070
    assert listed["schedules"][0]["first_departure"] is None
    nodes = json.loads(run(scripted, "nodes", "--json").stdout)["nodes"]
    assert nodes[0]["role"] == "NODE_ROLE_SHARD_NODE"
    shards = json.loads(run(scripted, "shards", "--json").stdout)
    assert [row["shard"] for row in shards["assignments"]] == list(range(8))
    assert [row["last_sequence"] for row in shards["assignments"]] == [None, *[0] * 7]
    assert scripted.calls["GetShardMap"][-1].with_last_sequences
    assert "shard node" in run(scripted, "nodes").stdout
    assert "active" in run(scripted, "shards").stdout


def test_rotations_and_airplanes_are_listed(scripted: Any) -> None:
    rotation = json.loads(run(scripted, "rotations", "--schedule", "s05", "--json").stdout)
    assert rotation["name"] == "line 1"
    airplane = json.loads(run(scripted, "airplanes", "--schedule", "s05", "--json").stdout)
    assert (airplane["registration"], airplane["minimum_ground_minutes"]) == ("F-ABCD", None)


def test_schedules_are_created_and_deleted(scripted: Any) -> None:
    arguments = ("what-if", "--title", "Less", "--no-aircraft-type")
    created = run(scripted, "schedules", "create", *arguments)
    assert created.stdout == "schedule what-if created\n"
    sent = scripted.calls["ExecuteBatch"][0].requests[0].create_schedule
    assert sent.title == "Less"
    assert not sent.finding_rules.aircraft_type
    assert sent.finding_rules.airplane_overlap
    declined = run(scripted, "schedules", "delete", "what-if", input="n\n")
    assert declined.exit_code == 1
    assert "was not deleted; --yes" in declined.stderr
    unanswered = run(scripted, "schedules", "delete", "what-if", input="")
    assert unanswered.exit_code == 1
    assert unanswered.stderr.endswith("was not deleted; --yes deletes without asking\n")
    assert len(scripted.calls["ExecuteBatch"]) == 1
    deleted = run(scripted, "schedules", "delete", "what-if", "--yes", "--json")
    assert json.loads(deleted.stdout)["position"] == "7:1"


def test_history_names_who_did_what_when(scripted: Any) -> None:
    added = events_pb2.Event(leg_removed=events_pb2.LegRemoved(leg_id="x"))
    scripted.records = [
        aggregate.HistoryRecord(
            sequence=1,
            committed_at=Timestamp(seconds=1_118_793_007, nanos=125_000_000),
            metadata=Metadata(actor="planner:kim", source="cli"),
            events=[events_pb2.RecordedEvent(sequence=1, event=added)],
        ),
        aggregate.HistoryRecord(sequence=1, refusal_reason="LEG_OVERLAP", refusal_message="no"),
    ]
    table = run(scripted, "history", "--schedule", "s05", "--airplane", "f-abcd", "--refusals")
    assert "2005-06-14T23:50:07.125Z  planner:kim  cli" in table.stdout
    assert "leg removed" in table.stdout
    assert "refused: no" in table.stdout
    asked = scripted.calls["ListHistory"][0]
    assert asked.aggregate_id == airplane_id("s05", "F-ABCD")
    assert asked.include_refusals
    lines = run(scripted, "history", "--schedule", "s05", "--json").stdout.splitlines()
    assert json.loads(lines[0])["events"][0]["event"] == {"leg_removed": {"leg_id": "x"}}


def test_the_history_of_an_unknown_schedule_is_refused_and_an_empty_one_is_not(
    scripted: Any,
) -> None:
    scripted.records = []
    unknown = run(scripted, "history", "--schedule", "s05", "--airport", "ory")
    assert unknown.exit_code == 1
    assert unknown.stderr == "flightmesh: there is no schedule s05 (SCHEDULE_NOT_FOUND)\n"
    asked = scripted.calls["ListHistory"]
    assert [bool(request.aggregate_id) for request in asked] == [True, False]


@pytest.fixture
def ssim_file(tmp_path: Path) -> Path:
    file = tmp_path / "a.ssim"
    file.write_bytes(b"1AIRLINE STANDARD SCHEDULE DATA SET\n")
    return file


def test_an_import_reports_and_says_when_nothing_changed(scripted: Any, ssim_file: Path) -> None:
    scripted.report.items = scripted.report.unchanged = 3_070
    shown = run(scripted, "import", "ssim", str(ssim_file), "--schedule", "s05")
    assert shown.exit_code == 0
    assert "Nothing changed: schedule s05 has all of this file already." in shown.stdout
    told = run(scripted, "import", "ssim", str(ssim_file), "--schedule", "s05", "--json")
    report = json.loads(told.stdout)
    assert (report["unchanged"], report["added"], report["nothing_changed"]) == (3_070, 0, True)
    assert told.stderr == ""


def test_an_import_sends_its_options_and_its_assignments(
    scripted: Any, ssim_file: Path, tmp_path: Path
) -> None:
    assignments = tmp_path / "a.csv"
    assignments.write_text("carrier\n")
    options = ("--strict", "--dry-run", "--duplicates", "replace", "--assignments")
    run(scripted, "import", "ssim", str(ssim_file), "-s", "s05", *options, str(assignments))
    first, second, third = scripted.calls["ImportFile"][0]
    sent = first.options
    assert (sent.strict, sent.dry_run, sent.file_name) == (True, True, "a.ssim")
    assert sent.duplicates == loading.DUPLICATE_HANDLING_REPLACE
    assert sent.total_bytes == ssim_file.stat().st_size
    assert second.assignments == b"carrier\n"
    assert third.data == ssim_file.read_bytes()


def test_an_import_reads_standard_input(scripted: Any) -> None:
    run(scripted, "import", "flights", "-", "--schedule", "s05", input="2008,5,1\n")
    options, data = scripted.calls["ImportFile"][0]
    assert options.options.format == loading.FILE_FORMAT_FLIGHTS
    assert data.data == b"2008,5,1\n"


@pytest.mark.parametrize("kind", ["airplanes", "airports"])
def test_airplanes_and_airports_are_imported(scripted: Any, ssim_file: Path, kind: str) -> None:
    assert run(scripted, "import", kind, str(ssim_file), "-s", "s05").exit_code == 0
    wanted = loading.FileFormat.Value(f"FILE_FORMAT_{kind.upper()}")
    assert scripted.calls["ImportFile"][0][0].options.format == wanted


def test_a_file_refused_by_strict_mode_exits_with_1_and_names_the_place(
    scripted: Any, ssim_file: Path
) -> None:
    scripted.report.refused = True
    scripted.report.issue_counts["SSIM_DATE"] = 1
    scripted.report.issues.add(
        line=12, column=3, rule="SSIM_DATE", message="no such date", rejected=True
    )
    shown = run(scripted, "import", "ssim", str(ssim_file), "-s", "s05", "--strict")
    assert shown.exit_code == 1
    assert "line 12, column 3: SSIM_DATE: no such date (left out)" in shown.stdout
    assert "Nothing applied." in shown.stdout


def test_a_file_of_another_kind_is_said_to_be_one(scripted: Any, ssim_file: Path) -> None:
    scripted.report.refused = True
    shown = run(scripted, "import", "ssim", str(ssim_file), "-s", "s05")
    assert shown.exit_code == 1
    assert "no file of that kind" in shown.stdout
    assert "--strict" not in shown.stdout


def test_a_pipe_is_read_as_a_file(scripted: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"2008,5,1\n",))
    writer.start()
    assert run(scripted, "import", "flights", str(pipe), "-s", "s05").exit_code == 0
    writer.join()
    options, data = scripted.calls["ImportFile"][0]
    assert (options.options.total_bytes, data.data) == (0, b"2008,5,1\n")


def test_an_export_goes_to_stdout_or_into_a_whole_file(scripted: Any, tmp_path: Path) -> None:
    shown = run(scripted, "export", "--schedule", "s05", "--format", "legs")
    assert shown.stdout_bytes == b"line 1\nline 2\n"
    target = tmp_path / "out.csv"
    written = run(scripted, "export", "--schedule", "s05", "--output", str(target))
    assert (written.stdout, target.read_bytes()) == ("", b"line 1\nline 2\n")


def test_an_export_follows_a_link_and_leaves_it_one(scripted: Any, tmp_path: Path) -> None:
    link, target = tmp_path / "latest.csv", tmp_path / "out.csv"
    link.symlink_to(target)
    assert run(scripted, "export", "-s", "s05", "-o", str(link)).exit_code == 0
    assert (link.is_symlink(), target.read_bytes()) == (True, b"line 1\nline 2\n")


def test_an_export_into_a_named_pipe_is_read_at_its_other_end(
    scripted: Any, tmp_path: Path
) -> None:
    """As into /dev/null: by a rename as root, nobody on the machine would have one any more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert run(scripted, "export", "-s", "s05", "-o", str(pipe)).exit_code == 0
    assert pipe.is_fifo()
    reader.join(10)
    assert heard == [b"line 1\nline 2\n"]


def test_files_are_asked_of_the_next_server_where_the_first_is_gone(
    scripted: Any, ssim_file: Path
) -> None:
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        servers = f"127.0.0.1:{gone.getsockname()[1]},{scripted.address}"
        for command_line in (
            ["export", "-s", "s05"],
            ["import", "ssim", str(ssim_file), "-s", "s05"],
        ):
            done = CliRunner().invoke(app, [*command_line, "--server", servers])
            assert done.exit_code == 0, done.output


@pytest.mark.parametrize("command_line", [["list"], ["create", "s"], ["delete", "s", "--yes"]])
def test_options_of_the_schedules_command_hold_for_the_one_that_follows(
    scripted: Any, command_line: list[str]
) -> None:
    """A deletion asked of one mesh must not be done on another."""
    options = ["--server", scripted.address, "--json"]
    done = CliRunner().invoke(
        app, ["--server", "127.0.0.1:9", "schedules", *options, *command_line]
    )
    assert done.exit_code == 0, done.output
    assert isinstance(json.loads(done.stdout), dict)


def test_an_export_that_fails_leaves_no_file(scripted: Any, tmp_path: Path) -> None:
    scripted.failures["ExportFile"] = [Refused("SCHEDULE_NOT_FOUND", "no schedule s05")]
    target = tmp_path / "out.csv"
    result = run(scripted, "export", "--schedule", "s05", "--output", str(target))
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_one_line_with_its_reason_and_exit_code_1(scripted: Any) -> None:
    scripted.failures["ListLegs"] = [Refused("SCHEDULE_NOT_FOUND", "there is no schedule s05")]
    result = run(scripted, "legs", "--schedule", "s05")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "flightmesh: there is no schedule s05 (SCHEDULE_NOT_FOUND)\n"


def test_a_malformed_value_that_the_server_finds_is_wrong_usage(scripted: Any) -> None:
    error = command.ExecuteResult(error=status_of(InvalidInput("schedule", "'S' is no name")))
    scripted.execute = lambda _: error
    result = run(scripted, "schedules", "create", "S")
    assert result.exit_code == 2
    assert result.stderr == "flightmesh: schedule: 'S' is no name (INVALID_INPUT)\n"


def test_an_overloaded_mesh_is_unavailable_after_the_deadline(scripted: Any) -> None:
    scripted.failures["ListSchedules"] = [Overloaded("queue full")] * 100
    result = CliRunner().invoke(
        app, ["--server", scripted.address, "--timeout", "0.3", "schedules"]
    )
    assert result.exit_code == 3
    assert result.stderr == "flightmesh: queue full (OVERLOADED)\n"


def test_no_server_is_unavailable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    result = CliRunner().invoke(app, ["--timeout", "0.3", "nodes", "--server", address])
    assert result.exit_code == 3
    assert f"cannot connect to {address}" in result.stderr


def test_a_host_without_an_address_is_told_in_few_words() -> None:
    options = ["--timeout", "1", "nodes", "--server", "no-such-host.invalid:8081"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 3
    assert result.stderr == (
        "flightmesh: cannot connect to no-such-host.invalid:8081: no such host name (UNAVAILABLE)\n"
    )


def test_the_server_is_taken_from_the_environment(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIGHTMESH_SERVER", scripted.address)
    assert CliRunner().invoke(app, ["nodes"]).exit_code == 0
    assert scripted.calls["ListNodes"]


def process(scripted: Any, *arguments: str) -> subprocess.Popen[bytes]:
    # A test run in the background of a shell hands an ignored SIGINT down; users' shells do not.
    hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hear}; from clients.cli.app import app; app()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "--server", scripted.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )


def test_a_reader_that_goes_away_ends_the_output_without_a_word(scripted: Any, placed: Any) -> None:
    scripted.legs = placed(20_000)
    with process(scripted, "legs", "--schedule", "s05", "--json") as reading:
        assert reading.stdout is not None
        assert reading.stderr is not None
        reading.stdout.read(10)
        reading.stdout.close()
        assert reading.stderr.read() == b""
    assert reading.returncode == 141


def test_an_interrupted_import_says_so_in_one_line(scripted: Any, ssim_file: Path) -> None:
    scripted.report_may_come.clear()
    scripted.import_came.clear()
    with process(scripted, "import", "ssim", str(ssim_file), "-s", "s05") as importing:
        assert scripted.import_came.wait(20)
        importing.send_signal(signal.SIGINT)
        _, said = importing.communicate(timeout=20)
    assert (importing.returncode, said) == (130, b"flightmesh: interrupted\n")


def test_a_terminal_sees_a_bar_with_done_total_and_rate(scripted: Any, ssim_file: Path) -> None:
    scripted.progress = [
        loading.ImportProgress(phase=loading.IMPORT_PHASE_LOADING, done=n, total=3_070)
        for n in (1_000, 3_070)
    ]
    control, terminal = os.openpty()
    code = "from clients.cli.app import app; app()"
    arguments = ("import", "ssim", str(ssim_file), "-s", "s05", "--server", scripted.address)
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=terminal
    ) as importing:
        os.close(terminal)
        seen = b""
        with suppress(OSError):  # the terminal is gone when the process is
            while piece := os.read(control, 4096):
                seen += piece
        os.close(control)
    assert importing.returncode == 0
    assert b"loading" in seen
    assert b"/3,070 legs" in seen


def completed(words: str, server: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", "from clients.cli.app import app; app(prog_name='flightmesh')"],
        env={
            **os.environ,
            "_FLIGHTMESH_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
            "FLIGHTMESH_SERVER": server,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_shell_completes_commands_and_names_of_schedules(scripted: Any) -> None:
    names = ("s05-base", "s05-less", "w06")
    scripted.summaries = [query.ScheduleSummary(schedule=name) for name in names]
    assert completed("flightmesh mov", scripted.address) == ["move-shard"]
    assert completed("flightmesh legs --schedule s05", scripted.address) == list(names[:2])
    assert completed("flightmesh legs --schedule s05", "127.0.0.1:1") == []
