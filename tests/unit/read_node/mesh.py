"""A journal, a bus, and writers that put a story's records into ledgers."""

import asyncio
from collections.abc import Sequence
from typing import Any

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.event_bus import PublishedEntry
from flightmesh.event_bus.memory import InMemoryEventBus
from flightmesh.journal import DirectoryRow
from flightmesh.journal.memory import InMemoryJournal
from read_node.bootstrap import ReadNode, build_read_node
from read_node.config import ReadNodeConfig
from read_node.graph import ScheduleGraph
from read_node.translate.answers import METHODS
from tests.unit.read_node.step_clock import StepClock, idle

PLAIN = ReadNodeConfig()


class Mesh:
    """The ledgers of shard nodes that are not there, and a read node."""

    def __init__(self, config: ReadNodeConfig = PLAIN) -> None:
        self.journal = InMemoryJournal()
        self.bus = InMemoryEventBus()
        self.clock = StepClock()
        self.heads: dict[int, int] = {}
        self._writing: dict[int, tuple[int, bytes]] = {}
        self.nodes: list[ReadNode] = []
        self.node = self.another(config)

    def another(self, config: ReadNodeConfig = PLAIN, **wiring: Any) -> ReadNode:
        """A further read node, not started; ended by `stop`."""
        node = build_read_node(config, self.journal, self.bus, self.clock, **wiring)
        self.nodes.append(node)
        return node

    async def open(self, ledger: int, writer: bytes = b"w") -> None:
        await self.journal.add_to_directory(DirectoryRow(ledger, "shard-1"))
        await self.journal.open_segment(ledger, 0, writer, 0)
        self.heads[ledger] = -1
        self._writing[ledger] = 0, writer

    async def roll(self, ledger: int) -> None:
        """Goes on in the ledger's next segment."""
        segment, writer = self._writing[ledger]
        await self.journal.roll(ledger, segment, writer, self.heads[ledger])
        await self.journal.open_segment(ledger, segment + 1, writer, self.heads[ledger] + 1)
        self._writing[ledger] = segment + 1, writer

    async def append(
        self, ledger: int, records: Sequence[entry_pb2.Record], tell: bool = True
    ) -> PublishedEntry:
        number = self.heads[ledger] + 1
        entry = entry_pb2.Entry(
            format=1,
            ledger=ledger,
            number=number,
            records=records,
            committed_at_us=self.clock.now_us(),
        )
        data = entry.SerializeToString()
        segment, writer = self._writing[ledger]
        done = await self.journal.append(ledger, segment, writer, number, data)
        assert done.applied
        self.heads[ledger] = number
        message = PublishedEntry(ledger, number, data)
        if tell:
            await self.bus.publish(message)
            await idle()
        return message

    async def start(self) -> ReadNode:
        await ready(self.node)
        return self.node

    async def stop(self) -> None:
        for node in self.nodes:
            await node.stop()

    def token(self) -> str:
        return self.node.follower.progress.token()

    def events(self) -> int:
        return self.node.projection.events


async def ready(node: ReadNode) -> None:
    """Starts a read node and waits until it serves."""
    await node.start()
    async with asyncio.timeout(20):
        await node.wait_ready()
    await idle()


async def until(condition: Any) -> None:
    """Waits for what another thread does."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the other thread knows no event
            await asyncio.sleep(0.001)


def everything_told(node: ReadNode) -> dict[str, Any]:
    """All that a read node answers of all its schedules, and how far it has come."""
    token = node.follower.progress.token()
    told: dict[str, Any] = {
        "position": token,
        "events": node.projection.events,
        "quarantined": node.projection.quarantined,
        "list_schedules": _answer(node, "list_schedules", pb.ListSchedulesRequest()),
    }
    for model in node.projection.schedules.current():
        name = model.name
        for method, request in {
            "get_schedule": pb.GetScheduleRequest(schedule=name),
            "list_findings": pb.ListFindingsRequest(schedule=name, page_size=1000),
            "list_legs": pb.ListLegsRequest(schedule=name, page_size=1000),
            "list_rotations": pb.ListRotationsRequest(schedule=name, page_size=1000),
            "list_airplanes": pb.ListAirplanesRequest(schedule=name, page_size=1000),
            "list_airports": pb.ListAirportsRequest(schedule=name, page_size=1000),
        }.items():
            told[f"{name} {method}"] = _answer(node, method, request)
        told[f"{name} graph"] = ScheduleGraph(model).edges()
    return told


def _answer(node: ReadNode, name: str, request: Any) -> bytes:
    question = node.answers.question(METHODS[name], request.SerializeToString())
    return node.answers.answer(question, node.follower.progress.token())
