"""What a read node tells of itself is what happened to it."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.event_bus import LedgerHeartbeat
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.testing.exposition import told
from read_node.bootstrap import build_read_node
from read_node.config import ReadNodeConfig
from read_node.translate.answers import METHODS
from read_node.translate.batches import QueryBatch
from tests.unit.read_node.mesh import Mesh
from tests.unit.read_node.step_clock import idle
from tests.unit.read_node.test_follower import a_story


class MeasuredMesh(Mesh):
    """A mesh whose read node tells its metrics."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics = ProcessMetrics(self.clock)
        self.node = build_read_node(
            ReadNodeConfig(), self.journal, self.bus, self.clock, metrics=self.metrics
        )

    def values(self) -> dict[str, float]:
        told_now = told(self.metrics.registry, "read-1")
        return {key.removeprefix("flightmesh_read_node_"): told_now[key] for key in told_now}


class Call:
    """The context of a call without a deadline."""

    def time_remaining(self) -> None:
        return None

    async def abort(self, *_: Any, **__: Any) -> None:
        raise InterruptedError


@pytest.fixture
async def mesh() -> AsyncIterator[MeasuredMesh]:
    mesh = MeasuredMesh()
    yield mesh
    await mesh.node.stop()


def fields_of(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    return [
        getattr(record, "fields", {})
        for record in caplog.records
        if record.getMessage().startswith(message)
    ]


async def test_what_the_models_hold_is_told(mesh: MeasuredMesh) -> None:
    await mesh.open(1)
    await mesh.append(1, a_story()[1])
    assert mesh.values()["ready"] == 0
    await mesh.start()
    now = mesh.values()
    held = [now[name] for name in ("ready", "schedules", "rotations", "legs", "airplanes")]
    assert held == [1, 1, 1, 3, 0]
    assert (now["events_total"], now["entries_total"]) == (5, 1)
    found = {key: value for key, value in now.items() if key.startswith("findings") and value}
    assert found == {'findings{kind="continuity"}': 2}


async def test_the_time_to_visibility_leaves_the_replay_out(mesh: MeasuredMesh) -> None:
    _, records = a_story()
    await mesh.open(1)
    await mesh.append(1, records[:2])
    mesh.clock.now += 3600
    await mesh.start()
    assert mesh.values()["visible_seconds_count"] == 0
    late = await mesh.append(1, records[2:], tell=False)
    mesh.clock.now += 0.25
    await mesh.bus.publish(late)
    await idle()
    now = mesh.values()
    assert now["visible_seconds_count"] == 1
    assert now["visible_seconds_sum"] == pytest.approx(0.25)


async def test_a_clock_that_is_behind_the_writers_shows_no_time_below_zero(
    mesh: MeasuredMesh,
) -> None:
    await mesh.open(1)
    await mesh.start()
    entry = await mesh.append(1, a_story()[1], tell=False)
    mesh.clock.now -= 5
    await mesh.bus.publish(entry)
    await idle()
    assert mesh.values()["visible_seconds_sum"] == 0


async def test_a_reader_is_behind_by_the_entries_it_has_heard_of(mesh: MeasuredMesh) -> None:
    await mesh.open(1)
    await mesh.start()
    follower = mesh.node.follower
    follower._repair_ledger = lambda _: idle()  # type: ignore[method-assign,assignment]
    for record in a_story()[1]:
        await mesh.append(1, [record], tell=False)
    await mesh.bus.publish(LedgerHeartbeat(1, 4))
    await idle()
    now = mesh.values()
    assert (now["entries_behind"], now["bus_messages_total"]) == (5, 1)


async def test_gaps_repairs_and_repeated_messages_are_told(mesh: MeasuredMesh) -> None:
    _, records = a_story()
    await mesh.open(1)
    await mesh.start()
    await mesh.append(1, records[:2], tell=False)
    message = await mesh.append(1, records[2:])
    await mesh.bus.publish(message)
    await idle()
    now = mesh.values()
    names = ("gaps_total", "repairs_total", "bus_duplicates_total", "bus_messages_total")
    assert [now[name] for name in names] == [1, 1, 1, 2]
    assert (now["entries_behind"], now['ledgers{state="open"}']) == (0, 1)


async def test_queries_are_counted_by_method_with_the_pages_that_the_cache_had(
    mesh: MeasuredMesh,
) -> None:
    await mesh.open(1)
    await mesh.append(1, a_story()[1])
    node = await mesh.start()
    ask: Any = node.servicer._unary(METHODS["list_legs"])
    for schedule in ("s05", "s05", "none"):
        data = pb.ListLegsRequest(schedule=schedule).SerializeToString()
        try:
            await ask(data, Call())
        except InterruptedError:
            assert schedule == "none"
    query = pb.Query(list_legs=pb.ListLegsRequest(schedule="none"))
    known = pb.Query(list_legs=pb.ListLegsRequest(schedule="s05"))
    await node.servicer.answer_batch(QueryBatch([known, query]), 1.0)
    now = mesh.values()
    assert now['query_seconds_count{method="ListLegs"}'] == 3
    assert now['queries_failed_total{method="ListLegs"}'] == 1
    assert now['batched_queries_total{result="answer"}'] == 1
    assert now['batched_queries_total{result="error"}'] == 1
    assert now['query_seconds_count{method="QueryBatch"}'] == 1
    assert (now['pages_total{result="miss"}'], now['pages_total{result="hit"}']) == (1, 2)


async def test_a_gap_that_was_closed_is_logged_with_its_ledger(
    mesh: MeasuredMesh, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _, records = a_story()
    await mesh.open(1)
    await mesh.append(1, records[:1])
    await mesh.start()
    assert fields_of(caplog, "caught up") == [{"entries": 1, "seconds": 0.0}]
    await mesh.append(1, records[1:2], tell=False)
    await mesh.append(1, records[2:])
    told_of = fields_of(caplog, "entries that the bus had not brought were read")
    assert told_of == [{"ledger": 1, "entry": 1, "entries": 2}]


async def test_a_node_that_lags_says_so(mesh: MeasuredMesh) -> None:
    await mesh.open(1)
    await mesh.start()
    assert (mesh.values()["lagging"], mesh.values()["lags_total"]) == (0, 0)
    mesh.node.follower._repair_ledger = lambda _: idle()  # type: ignore[method-assign,assignment]
    await mesh.append(1, a_story()[1], tell=False)
    await mesh.bus.publish(LedgerHeartbeat(1, 0))
    await mesh.clock.advance(3.0)
    now = mesh.values()
    assert (now["lagging"], now["lags_total"]) == (1, 1)
    assert now["lag_seconds"] == pytest.approx(3.0, abs=0.5)
