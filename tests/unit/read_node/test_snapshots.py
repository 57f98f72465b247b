"""A read node that starts from its snapshot tells what one tells that replays everything."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.errors import StoreUnavailable
from flightmesh.event_bus import PublishedEntry
from read_node import snapshot_content
from read_node.bootstrap import ReadNode
from read_node.config import ReadNodeConfig
from read_node.snapshot_file import snapshots_in, write_snapshot
from tests.unit.read_node.mesh import Mesh, everything_told, ready, until
from tests.unit.read_node.step_clock import idle
from tests.unit.read_node.stories import Story, a_leg, name_id


@pytest.fixture
def config(tmp_path: Path) -> ReadNodeConfig:
    return ReadNodeConfig(data_dir=str(tmp_path), store="mesh 8", snapshot_events=3)


@pytest.fixture
async def mesh(config: ReadNodeConfig) -> AsyncIterator[Mesh]:
    mesh = Mesh(config)
    yield mesh
    await mesh.stop()


def a_schedule() -> Story:
    story = Story()
    story.create_schedule()
    first = story.create_rotation("r1", a_leg("1", 0, 60), a_leg("2", 70, 130, number=2))
    second = story.create_rotation("r2", a_leg("3", 30, 90, "BBB", "CCC"))
    for rotation in (first, second):
        story.assign(rotation, name_id("airplane", "D-AAAA"), "D-AAAA")
    return story


def fresh(story: Story) -> list[entry_pb2.Record]:
    records = list(story.fresh)
    story.fresh.clear()
    return records


async def saved(mesh: Mesh) -> Story:
    """A story that is committed in ledger 1 and saved by the mesh's node, which then stops."""
    story = a_schedule()
    await mesh.open(1)
    await mesh.start()
    await mesh.append(1, fresh(story))
    await mesh.node.stop()
    assert mesh.node.snapshots is not None
    assert mesh.node.snapshots.statistics.saved == 1
    return story


def reads(mesh: Mesh, monkeypatch: Any) -> list[tuple[int, int]]:
    """The reads of entries from now on: ledger and first number."""
    seen: list[tuple[int, int]] = []
    read_entries = mesh.journal.read_entries

    async def watching(ledger: int, segment: int, first: int, limit: int) -> Any:
        seen.append((ledger, first))
        return await read_entries(ledger, segment, first, limit)

    monkeypatch.setattr(mesh.journal, "read_entries", watching)
    return seen


async def check_equals_replay(mesh: Mesh, node: ReadNode) -> None:
    replayed = mesh.another()
    await ready(replayed)
    assert everything_told(node) == everything_told(replayed)


def passed_over(node: ReadNode) -> int:
    assert node.snapshots is not None
    return node.snapshots.statistics.passed_over


async def test_a_node_starts_at_its_snapshot_and_reads_only_what_came_after(
    mesh: Mesh, config: ReadNodeConfig, monkeypatch: Any
) -> None:
    story = await saved(mesh)
    story.define_airport("BBB", 5)
    await mesh.append(1, fresh(story))
    seen = reads(mesh, monkeypatch)
    node = mesh.another(config)
    await ready(node)
    assert seen == [(1, 1)]
    story.register("D-AAAA", "733", 40)
    await mesh.append(1, fresh(story))
    await check_equals_replay(mesh, node)


async def test_a_finished_ledger_is_not_read_again_and_is_the_base_of_the_position(
    mesh: Mesh, config: ReadNodeConfig, monkeypatch: Any
) -> None:
    await mesh.open(1)
    await mesh.append(1, fresh(a_schedule()))
    await mesh.journal.seal(1, 0, 0)
    await mesh.start()
    await mesh.node.stop()
    seen = reads(mesh, monkeypatch)
    node = mesh.another(config)
    await ready(node)
    assert seen == []
    assert node.follower.progress.token() == "~1"
    await check_equals_replay(mesh, node)


async def test_a_snapshot_carries_held_records(mesh: Mesh, config: ReadNodeConfig) -> None:
    story = Story()
    story.create_schedule()
    rotation = story.create_rotation("r")
    for n in range(2):
        story.add_legs(rotation, a_leg(f"{n}", n * 100, n * 100 + 50, number=n + 1))
    schedule, first, second, third = fresh(story)
    await mesh.open(1)
    await mesh.open(2)
    await mesh.start()
    await mesh.append(1, [schedule, first])
    await mesh.append(1, [third])
    assert mesh.node.follower.held == 1
    await mesh.node.stop()

    node = mesh.another(config)
    await node.start()
    await until(lambda: node.follower.held)
    assert (node.projection.events, node.follower.progress.token()) == (2, "1:0")
    await mesh.append(2, [second], tell=False)
    await mesh.clock.advance(1)
    assert node.ready
    assert (node.projection.events, node.follower.progress.token()) == (4, "1:1,2:0")
    await check_equals_replay(mesh, node)


async def test_an_aggregate_stays_quarantined(mesh: Mesh, config: ReadNodeConfig) -> None:
    story = a_schedule()
    await mesh.open(1)
    await mesh.start()
    records = fresh(story)
    records[-1].events[0].type = "SomethingNew"
    await mesh.append(1, records)
    await mesh.node.stop()
    node = mesh.another(config)
    await ready(node)
    assert len(node.projection.quarantined) == 1
    story.remove_rotation(name_id("rotation", "r2"))
    await mesh.append(1, fresh(story))
    assert node.projection.left_out == 1
    await check_equals_replay(mesh, node)


async def test_a_damaged_snapshot_gives_way_to_the_one_before(
    mesh: Mesh, config: ReadNodeConfig, monkeypatch: Any, tmp_path: Path
) -> None:
    await saved(mesh)
    newer = write_snapshot(tmp_path, [b"of another mind"])
    newer.write_bytes(newer.read_bytes()[:-1])
    seen = reads(mesh, monkeypatch)
    node = mesh.another(config)
    await ready(node)
    assert passed_over(node) == 1
    assert seen == []
    await check_equals_replay(mesh, node)


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty"])
async def test_without_a_sound_snapshot_everything_is_replayed(
    mesh: Mesh, config: ReadNodeConfig, damage: str, monkeypatch: Any, tmp_path: Path
) -> None:
    await saved(mesh)
    (path,) = snapshots_in(tmp_path)
    data = path.read_bytes()
    if damage == "foreign":
        path.unlink()
        write_snapshot(tmp_path, [b"a header that is none", b"and more"])
    else:
        flipped = bytearray(data)
        flipped[len(data) // 2] ^= 4
        path.write_bytes({"cut": data[:-40], "flipped": bytes(flipped), "empty": b""}[damage])
    seen = reads(mesh, monkeypatch)
    node = mesh.another(config)
    await ready(node)
    assert (passed_over(node), seen) == (1, [(1, 0)])
    await check_equals_replay(mesh, node)


async def test_a_snapshot_of_another_version_of_the_program_is_passed_over(
    mesh: Mesh, config: ReadNodeConfig, monkeypatch: Any
) -> None:
    await saved(mesh)
    monkeypatch.setattr(snapshot_content, "PROGRAM", "another")
    node = mesh.another(config)
    await ready(node)
    assert (passed_over(node), node.projection.events) == (1, 8)


async def test_a_snapshot_of_a_store_of_another_name_is_passed_over(
    mesh: Mesh, config: ReadNodeConfig
) -> None:
    await saved(mesh)
    node = mesh.another(dataclasses.replace(config, store="mesh 16"))
    await ready(node)
    assert (passed_over(node), node.projection.events) == (1, 8)


@pytest.mark.parametrize(
    ("writer", "entries", "usable"),
    [(b"w", 2, True), (b"w", 3, True), (b"w", 1, False), (b"x", 2, False), (b"", 0, False)],
)
async def test_a_snapshot_is_used_only_if_the_journal_has_what_it_was_made_of(
    mesh: Mesh, config: ReadNodeConfig, writer: bytes, entries: int, usable: bool
) -> None:
    """A shorter ledger, one of another writer or none: the store is another, or an old copy."""
    story = a_schedule()
    await mesh.open(1)
    await mesh.start()
    records = fresh(story)
    for record in (records[:1], records[1:]):
        await mesh.append(1, record)
    await mesh.node.stop()

    store = Mesh(config)
    if writer:
        await store.open(1, writer)
    for n in range(entries):
        await store.append(1, [*(records[:1], records[1:]), []][n])
    node = store.node
    await ready(node)
    assert passed_over(node) == (0 if usable else 1)
    await check_equals_replay(store, node)
    await store.stop()


async def test_a_finished_ledger_must_be_sealed_where_the_snapshot_ends(
    mesh: Mesh, config: ReadNodeConfig
) -> None:
    records = fresh(a_schedule())
    await mesh.open(1)
    await mesh.append(1, records)
    await mesh.journal.seal(1, 0, 0)
    await mesh.start()
    await mesh.node.stop()
    store = Mesh(config)
    await store.open(1)
    await store.append(1, records)
    await ready(store.node)
    assert passed_over(store.node)
    await store.stop()


async def test_ledgers_of_several_segments_are_followed_to_where_the_snapshot_stands(
    mesh: Mesh, config: ReadNodeConfig
) -> None:
    story = a_schedule()
    await mesh.open(1)
    await mesh.start()
    records = fresh(story)
    await mesh.append(1, records[:2])
    await mesh.roll(1)
    await mesh.append(1, records[2:4])
    await mesh.roll(1)
    await mesh.append(1, records[4:])
    await mesh.node.stop()
    node = mesh.another(config)
    await ready(node)
    assert passed_over(node) == 0
    assert node.follower.progress.token() == "1:2"
    await mesh.append(1, [])
    await check_equals_replay(mesh, node)


async def test_a_journal_that_is_away_does_not_cost_the_snapshot(
    mesh: Mesh, config: ReadNodeConfig, monkeypatch: Any
) -> None:
    await saved(mesh)
    read_segment = mesh.journal.read_segment
    failures = iter([True])

    async def failing(*args: Any) -> Any:
        if next(failures, False):
            raise StoreUnavailable("not now")
        return await read_segment(*args)

    monkeypatch.setattr(mesh.journal, "read_segment", failing)
    node = mesh.another(config)
    await node.start()
    await until(lambda: next(failures, None) is None)
    while not node.ready:
        await mesh.clock.advance(0.5)
        await asyncio.sleep(0.001)
    assert passed_over(node) == 0
    await check_equals_replay(mesh, node)


async def test_a_snapshot_is_saved_when_enough_events_were_applied(
    mesh: Mesh, tmp_path: Path
) -> None:
    story = Story()
    await mesh.open(1)
    await mesh.start()
    story.create_schedule()
    await mesh.append(1, fresh(story))
    await mesh.clock.advance(61)
    assert snapshots_in(tmp_path) == []
    story.create_rotation("r1", a_leg("1", 0, 60))
    await mesh.append(1, fresh(story))
    await mesh.clock.advance(61)
    await until(lambda: snapshots_in(tmp_path))
    await mesh.clock.advance(61)
    assert len(snapshots_in(tmp_path)) == 1


async def test_a_long_replay_is_saved_at_once(mesh: Mesh, tmp_path: Path) -> None:
    await mesh.open(1)
    await mesh.append(1, fresh(a_schedule()))
    await mesh.start()
    await until(lambda: snapshots_in(tmp_path))


async def test_nothing_is_saved_twice(mesh: Mesh, config: ReadNodeConfig, tmp_path: Path) -> None:
    await saved(mesh)
    node = mesh.another(config)
    await ready(node)
    await node.stop()
    assert len(snapshots_in(tmp_path)) == 1


async def test_while_the_model_is_copied_queries_go_on_and_entries_wait(
    mesh: Mesh, config: ReadNodeConfig
) -> None:
    story = a_schedule()
    await mesh.open(1)
    await mesh.start()
    await mesh.append(1, fresh(story))
    before = everything_told(mesh.node)
    async with mesh.node.follower.at_rest():
        story.define_airport("BBB", 5)
        waiting = await mesh.append(1, fresh(story))
        await mesh.bus.publish(PublishedEntry(1, 1, waiting.data))
        await mesh.clock.advance(5)
        assert everything_told(mesh.node) == before
    await idle()
    assert mesh.token() == "1:1"
    await check_equals_replay(mesh, mesh.node)


async def test_a_snapshot_taken_while_entries_arrive_stands_at_one_position(
    mesh: Mesh, config: ReadNodeConfig
) -> None:
    story = a_schedule()
    await mesh.open(1)
    node = await mesh.start()
    await mesh.append(1, fresh(story))
    assert node.snapshots is not None
    object.__setattr__(node.snapshots._plan, "slice_s", -1.0)  # a turn for others at each piece
    saving = asyncio.ensure_future(node.snapshots.save())
    for n in range(30):
        story.define_airport("BBB", n)
        await mesh.append(1, fresh(story))
    assert await saving
    loaded = mesh.another(config)
    await ready(loaded)
    await check_equals_replay(mesh, loaded)


async def test_a_folder_that_cannot_be_written_costs_the_snapshot_only(
    tmp_path: Path, config: ReadNodeConfig
) -> None:
    (tmp_path / "file").touch()
    mesh = Mesh(dataclasses.replace(config, data_dir=str(tmp_path / "file" / "below")))
    await mesh.open(1)
    await mesh.append(1, fresh(a_schedule()))
    node = await mesh.start()
    assert node.snapshots is not None
    assert not await node.snapshots.save()
    assert node.snapshots.statistics.failed
    assert node.ready
    await mesh.stop()


async def test_a_model_that_failed_midway_is_never_saved(mesh: Mesh, tmp_path: Path) -> None:
    mesh.node = mesh.another(
        ReadNodeConfig(data_dir=str(tmp_path), snapshot_events=1), on_failure=lambda _: None
    )
    records = fresh(a_schedule())
    await mesh.open(1)
    await mesh.start()
    # The last record is of a shard sequence that is applied already.
    await mesh.append(1, [*records, records[0]])
    assert not mesh.node.ready
    assert mesh.node.snapshots is not None
    assert not await mesh.node.snapshots.save()
    await mesh.node.stop()
    assert snapshots_in(tmp_path) == []
