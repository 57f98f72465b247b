"""Whatever planners do and wherever it is cut: a snapshot and the rest equal a whole replay."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from flightmesh.api.journal.v1 import entry_pb2
from read_node.config import ReadNodeConfig
from tests.unit.read_node.mesh import Mesh, everything_told, ready, until
from tests.unit.read_node.planner import Planner
from tests.unit.read_node.step_clock import idle
from tests.unit.read_node.stories import SHARDS

LEDGERS = (1, 2, 3)
Appends = list[tuple[int, list[entry_pb2.Record]]]


async def tell(mesh: Mesh, appends: Appends) -> None:
    for ledger, records in appends:
        await mesh.bus.publish(await mesh.append(ledger, records, tell=False))
    await idle()


async def started_from_a_snapshot(folder: Path, before: Appends, after: Appends) -> None:
    config = ReadNodeConfig(data_dir=str(folder), store="s")
    mesh = Mesh(config)
    for ledger in LEDGERS:
        await mesh.open(ledger)
    await mesh.start()
    await tell(mesh, before)
    await mesh.node.stop()

    loaded = mesh.another(config)
    await loaded.start()
    await until(lambda: loaded.ready or loaded.follower.held)
    assert loaded.snapshots is not None
    assert bool(loaded.snapshots.statistics.loaded_events) == bool(mesh.events())
    if loaded.ready:
        assert everything_told(loaded) == everything_told(mesh.node)
    await tell(mesh, after)
    await mesh.clock.advance(1)
    replayed = mesh.another()
    await ready(replayed)
    assert loaded.ready
    assert everything_told(loaded) == everything_told(replayed)
    await mesh.stop()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_snapshot_and_the_rest_equal_a_whole_replay(data: st.DataObject) -> None:
    planner = Planner(data.draw)
    for _ in range(data.draw(st.integers(5, 40))):
        planner.step()
    order = data.draw(st.lists(st.integers(0, SHARDS - 1), max_size=60))
    records = list(planner.story.records(order))
    # Shards move between ledgers, and neighbours change places: so some records are held.
    appends: Appends = []
    for record in records:
        appends.append((data.draw(st.sampled_from(LEDGERS)), [record]))
        if len(appends) > 1 and data.draw(st.integers(0, 5)) == 0:
            appends[-1], appends[-2] = appends[-2], appends[-1]
    cut = data.draw(st.integers(0, len(appends)))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(started_from_a_snapshot(Path(folder), appends[:cut], appends[cut:]))
