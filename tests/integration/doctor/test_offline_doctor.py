"""`flightmesh doctor --data-dir`: what is stored in a folder, told to people and to programs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flightmesh.journal import DirectoryRow, ShardHead
from flightmesh.journal.sqlite import SqliteStore
from launcher.__main__ import app
from tests.unit.verification.store_story import INDEXED, SHARD, chunk, claim, write_ledgers


async def fill(folder: Path, *, indexed: bool = True) -> None:
    async with await SqliteStore.open(folder) as store:
        await write_ledgers(store)
        await claim(store)
        if indexed:
            await store.index.flush(SHARD, [chunk(INDEXED)], ShardHead(4, 2, 0))
            await store.index.write_watermarks(SHARD, {1: 2, 2: 1})


def doctor(folder: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["doctor", "--data-dir", str(folder), *options])


def verdicts(result: Any) -> dict[str, str]:
    return {c["invariant"]: c["verdict"] for c in json.loads(result.stdout)["checks"]}


def test_a_good_folder_is_well(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    result = doctor(tmp_path)
    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.stdout
    assert "looked at 2 ledgers, 1 sealed ledgers, 4 entries, 5 records" in result.stdout


def test_json_tells_each_invariant_with_verdict_and_evidence(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    result = doctor(tmp_path, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"]) == (0, True)
    assert [check["invariant"] for check in told["checks"]] == [
        "I1", "I2", "I3", "I4", "I6",
        "CLAIMS", "SEALED", "INDEX", "SNAPSHOTS", "BROKEN_SNAPSHOTS",
    ]  # fmt: skip
    assert {check["verdict"] for check in told["checks"]} == {"ok"}
    assert all(check["evidence"] == [] for check in told["checks"])


def test_a_violation_exits_with_1_and_names_its_evidence(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path, indexed=False))
    result = doctor(tmp_path, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"]) == (1, False)
    (index,) = [check for check in told["checks"] if check["verdict"] == "violated"]
    assert index["invariant"] == "INDEX"
    assert {"shard": "0", "records": "3", "first": "1:0"}.items() <= index["evidence"][-1].items()
    people = doctor(tmp_path)
    assert people.exit_code == 1
    assert "FAIL  INDEX: aggregate index equal to the ledgers" in people.stdout


def test_a_notice_is_told_and_exits_with_0(tmp_path: Path) -> None:
    async def open_another() -> None:
        await fill(tmp_path)
        async with await SqliteStore.open(tmp_path) as store:
            await store.journal.add_to_directory(DirectoryRow(3, "node-3"))
            await store.journal.open_segment(3, 0, b"token-3", 0)

    asyncio.run(open_another())
    result = doctor(tmp_path, "--json")
    assert result.exit_code == 0
    assert verdicts(result)["SEALED"] == "notice"


def test_repair_builds_the_index_again_and_leaves_the_ledgers(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path, indexed=False))
    before = dump(tmp_path)
    assert doctor(tmp_path).exit_code == 1
    assert doctor(tmp_path, "--repair-index").exit_code == 0
    assert dump(tmp_path) == before
    assert (tmp_path / "index.db.before-repair").exists()
    assert not list(tmp_path.glob("index.db.new*"))
    assert doctor(tmp_path).exit_code == 0


@pytest.mark.parametrize("damage", ["missing", "no database"])
def test_an_index_that_is_lost_is_refused_and_then_repaired(tmp_path: Path, damage: str) -> None:
    asyncio.run(fill(tmp_path))
    (tmp_path / "index.db").unlink()
    if damage == "no database":
        (tmp_path / "index.db").write_bytes(b"something else" * 1_000)
    refused = doctor(tmp_path)
    assert refused.exit_code == 2
    assert "index.db" in refused.stderr
    assert doctor(tmp_path, "--repair-index").exit_code == 0
    assert doctor(tmp_path, "--json").exit_code == 0


def test_nothing_is_repaired_from_a_broken_ledger(tmp_path: Path) -> None:
    async def spoil() -> None:
        await fill(tmp_path)
        async with await SqliteStore.open(tmp_path) as store:
            await store.journal.append(2, 0, b"token-2", 2, b"\xff\xff")

    asyncio.run(spoil())
    before = (tmp_path / "index.db").read_bytes()
    result = doctor(tmp_path, "--repair-index", "--json")
    assert result.exit_code == 1
    assert verdicts(result) == {"STORE": "violated"}
    assert (tmp_path / "index.db").read_bytes() == before


def test_a_folder_in_use_is_refused_in_one_line(tmp_path: Path) -> None:
    async def use() -> Any:
        await fill(tmp_path)
        async with await SqliteStore.open(tmp_path):
            return await asyncio.to_thread(doctor, tmp_path)

    result = asyncio.run(use())
    assert result.exit_code == 2
    assert "another process uses the directory" in result.stderr


def test_a_folder_without_a_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    result = doctor(tmp_path / "nothing")
    assert result.exit_code == 2
    assert "there is no journal.db in" in result.stderr
    assert not (tmp_path / "nothing").exists()


def test_a_repair_of_a_mesh_that_does_not_answer_is_told() -> None:
    arguments = ["--timeout", "0.5", "doctor", "--repair-index", "--json", "--server"]
    result = CliRunner().invoke(app, [*arguments, "127.0.0.1:1"])
    assert result.exit_code == 1
    assert verdicts(result)["STORE"] == "violated"


def test_an_embedded_folder_and_a_server_of_ledgers_are_not_checked_together(
    tmp_path: Path,
) -> None:
    result = doctor(tmp_path, "--cassandra", "127.0.0.1:9042")
    assert result.exit_code == 2
    assert "not together with --data-dir" in result.stderr


@pytest.mark.parametrize("text", ["127.0.0.1", ",", "127.0.0.1:1,127.0.0.2:2"])
def test_an_address_of_cassandra_that_is_none_is_refused(text: str) -> None:
    result = CliRunner().invoke(app, ["doctor", "--cassandra", text])
    assert result.exit_code == 2
    assert "cassandra" in result.stderr


def dump(folder: Path) -> list[str]:
    """All rows of the ledgers and claims."""

    async def read() -> list[str]:
        async with await SqliteStore.open(folder) as store:
            rows = await store.ledgers_database.read(lambda connection: list(connection.iterdump()))
            return [row for row in rows if not row.startswith("PRAGMA")]

    return asyncio.run(read())
