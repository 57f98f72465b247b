"""The asyncio client: one object with the commands, queries and files of a mesh.

    async with FlightmeshClient("mesh-1:8081,mesh-2:8081") as client:
        created = await client.commands.create_rotation("s05", "line 7")
        await client.commands.add_leg("s05", created.aggregate_id, leg)
        async for finding in client.queries.findings("s05"):
            print(finding.message)

Invariants: every call has a deadline; every retry of a command carries its id; a query sees
whatever this client has seen before (its own commands included). Errors are flightmesh.errors.
"""

from types import TracebackType
from typing import Self, final

from clients.aggregates import Aggregates
from clients.commands import Commands
from clients.config import ClientConfig, parse_servers
from clients.connection import Connection
from clients.files import Files
from clients.mesh import Mesh
from clients.owners import Owners
from clients.positions import PositionKeeper
from clients.queries import Queries
from flightmesh.api.common.v1.metadata_pb2 import Metadata
from flightmesh.clock import Clock, Randomness, SystemClock, SystemRandomness, new_command_id
from flightmesh.runtime.tasks import TaskOwner


@final
class FlightmeshClient:
    """A client of one mesh; an async context manager, for one event loop.

    Args:
        servers: "host:port" of one or more servers, comma-separated, or a whole configuration.
            Without it: FLIGHTMESH_SERVER, else 127.0.0.1:8081.
        clock: for deadlines and command ids.
        randomness: for command ids and jitter.

    Attributes:
        commands: every edit.
        queries: questions over whole schedules.
        aggregates: state and history of single aggregates.
        files: imports and exports.
        mesh: shard map, nodes, health.

    Raises:
        ConfigurationError: an address is not host:port.
    """

    def __init__(
        self,
        servers: str | ClientConfig = "",
        clock: Clock | None = None,
        randomness: Randomness | None = None,
    ) -> None:
        self.config = _config_of(servers)
        clock = clock or SystemClock()
        randomness = randomness or SystemRandomness()
        self._tasks = TaskOwner("client")
        self._positions = PositionKeeper()
        self._connection = Connection(self.config, clock, self._tasks)
        owners = Owners(self._connection, clock, randomness, self._tasks)
        self.commands = Commands(
            owners,
            self._positions,
            lambda: new_command_id(clock, randomness),
            Metadata(actor=self.config.actor, source=self.config.source),
            self.config.timeout_s,
        )
        self.queries = Queries(self._connection, self._positions)
        self.aggregates = Aggregates(owners)
        self.files = Files(self._connection, self._positions)
        self.mesh = Mesh(self._connection)

    @property
    def position(self) -> str:
        """Token of the highest position seen; another client may take it up with `saw`."""
        return self._positions.token

    def saw(self, position: str) -> None:
        """Makes later queries wait for this position too.

        Raises:
            InvalidInput: the text is no position token.
        """
        self._positions.saw(position)

    async def close(self) -> None:
        """Ends all calls and connections."""
        try:
            await self._tasks.stop()
        finally:
            await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def _config_of(servers: str | ClientConfig) -> ClientConfig:
    if isinstance(servers, ClientConfig):
        return servers
    return ClientConfig(parse_servers(servers)) if servers else ClientConfig.from_env()
