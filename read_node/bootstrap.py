"""Builds, starts and stops a read node. Wiring only."""

from collections.abc import Callable
from typing import final

import grpc

from flightmesh.clock import Clock
from flightmesh.event_bus import EventBus
from flightmesh.journal import Journal
from flightmesh.runtime.tasks import TaskOwner
from read_node.config import ReadNodeConfig
from read_node.follower import Follower
from read_node.grpc_service import QueryServicer
from read_node.projection import Projection
from read_node.translate.answers import Answers
from read_node.translate.entries import HANDLERS, UNREADABLE, read_records


@final
class ReadNode:
    """A read node from start to stop.

    Attributes:
        projection: its models.
        follower: what feeds them.
        answers: its replies.
        servicer: its gRPC service.
    """

    def __init__(
        self,
        config: ReadNodeConfig,
        journal: Journal,
        bus: EventBus,
        clock: Clock,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._tasks = TaskOwner(config.name, on_failure)
        self.projection = Projection(HANDLERS, UNREADABLE)
        self.follower = Follower(
            journal,
            bus,
            clock,
            projection=self.projection,
            decode=read_records,
            limits=config.follower,
        )
        self.answers = Answers(self.projection.schedules, config.most_questions)
        self.servicer = QueryServicer(
            self.projection, self.follower, self.answers, config.max_wait_s
        )

    @property
    def ready(self) -> bool:
        """Whether it has caught up and may be asked."""
        return self.follower.ready.is_set()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Registers the query service with a server that has not started."""
        server.add_generic_rpc_handlers((self.servicer.handlers(),))

    async def start(self) -> None:
        """Begins to replay; returns at once. See `wait_ready`."""
        self._tasks.start(self.follower.run(), "follower")

    async def wait_ready(self) -> None:
        """Returns when it has caught up."""
        await self.follower.ready.wait()

    async def stop(self) -> None:
        """Ends all tasks. Idempotent."""
        self.follower.ready.clear()
        await self._tasks.stop()


def build_read_node(
    config: ReadNodeConfig,
    journal: Journal,
    bus: EventBus,
    clock: Clock,
    on_failure: Callable[[BaseException], None] | None = None,
) -> ReadNode:
    """A read node, not started.

    Args:
        config: its settings.
        journal: where the entries are.
        bus: where new ones are told of.
        clock: for silence and pauses.
        on_failure: called once if its model can no longer be trusted; by default `stop` raises.
    """
    return ReadNode(config, journal, bus, clock, on_failure)
