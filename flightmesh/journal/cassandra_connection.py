"""The connection to Cassandra: the driver's threads on one side, our event loop on the other.

Connecting and preparing block and happen in a thread. A request is handed to the driver on the
event loop; its answer comes in the driver's thread and is brought back by `call_soon_threadsafe`.
The number of requests under way is bounded. Conditional writes are sent once and never again by the
driver; reads and plain writes, which may be repeated, it may send to another node.
"""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, final

from cassandra import ConsistencyLevel
from cassandra.cluster import Cluster, ExecutionProfile, ResponseFuture, Session
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    FallthroughRetryPolicy,
    RetryPolicy,
    TokenAwarePolicy,
)
from cassandra.query import PreparedStatement, Statement, dict_factory, tuple_factory

from flightmesh.errors import ConfigurationError, StoreError, StoreUnavailable
from flightmesh.journal.cassandra_errors import describe, read_failed, write_failed
from flightmesh.journal.cassandra_promises import check_promises
from flightmesh.journal.cassandra_schema import VERSION, creation
from flightmesh.journal.cassandra_transport import PatientConnection

# Version 5 adds checksums to each frame, which cost more in Python than they are worth on a link
# that has its own.
_PROTOCOL_VERSION: Final = 4
_CONDITIONAL: Final = "conditional"
_SERIAL: Final = "serial"
_PLAIN: Final = "plain"
_HEARTBEAT_S: Final = 2
_RECONNECT_S: Final = 0.5
_AGREEMENT_S: Final = 60
# The driver's own limit goes by the wall clock: where that is set back by an hour, it comes an hour
# late. Ours is the longer one, since the driver's knows more.
_DRIVERS_LIMITS: Final = 1.2


@dataclass(frozen=True, slots=True)
class CassandraOptions:
    """Where the store is and how it is spoken to.

    Attributes:
        hosts: addresses to connect to first; the others are learned from them.
        port: port of all of them.
        keyspace: name of the store; letters, digits and underscores.
        data_centre: the data centre whose quorums count.
        request_s: seconds until a request without an answer is given up; longer than Cassandra's
            own time-outs (contention and write), or its answers would come too late to be heard.
        connect_s: seconds until a connection attempt is given up.
        max_requests: requests under way at once.
    """

    hosts: tuple[str, ...] = ("127.0.0.1",)
    port: int = 9042
    keyspace: str = "flightmesh"
    data_centre: str = "dc1"
    request_s: float = 5.0
    connect_s: float = 5.0
    max_requests: int = 128

    def __post_init__(self) -> None:
        name = self.keyspace
        if not name.isascii() or not name.isidentifier() or len(name) > 48 or name != name.lower():
            raise ConfigurationError(
                f"keyspace {name!r}: up to 48 small letters, digits and underscores"
            )


@final
class CassandraConnection:
    """A connected session with its prepared statements.

    Args:
        cluster: the driver's cluster object; closed by `close`.
        session: a session of it.
        options: see CassandraOptions.

    Attributes:
        options: as given.
    """

    def __init__(self, cluster: Cluster, session: Session, options: CassandraOptions) -> None:
        self.options = options
        self._cluster = cluster
        self._session = session
        self._slots = asyncio.Semaphore(options.max_requests)

    @classmethod
    async def open(cls, options: CassandraOptions) -> "CassandraConnection":
        """Connects, and checks that the store keeps what it promises.

        Raises:
            ConfigurationError: the server's settings or the store's version are not what they must
                be; see `cassandra_promises`.
            StoreUnavailable: no node can be reached.
        """
        cluster, session = await asyncio.to_thread(_connect, options)
        connection = cls(cluster, session, options)
        try:
            await asyncio.to_thread(check_promises, cluster, session, _PLAIN)
            await asyncio.to_thread(_check_version, session, options)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def close(self) -> None:
        """Ends the connection. Requests under way fail. Idempotent."""
        await asyncio.to_thread(self._cluster.shutdown)

    async def prepare(self, *texts: str) -> list[PreparedStatement]:
        """Prepares statements; `{ks}` in them is the keyspace.

        Raises:
            StoreUnavailable: no node can be reached.
        """

        def prepare_all() -> list[PreparedStatement]:
            try:
                return [
                    self._session.prepare(text.format(ks=self.options.keyspace)) for text in texts
                ]
            except Exception as error:
                raise StoreUnavailable(describe(error)) from error

        return await asyncio.to_thread(prepare_all)

    async def conditional(self, statement: Statement) -> dict[str, Any]:
        """Sends a conditional write, once; returns the first row of its answer.

        The row has `[applied]`, and where that is false the columns that were compared, unless
        there is no row.

        Raises:
            StoreUnavailable: definitely not applied.
            OutcomeUnknown: it may have been applied or may be still.
        """
        rows = await self._request(statement, _CONDITIONAL, writes=True)
        first: dict[str, Any] = rows[0]
        return first

    async def serial(self, statement: Statement) -> Sequence[tuple[Any, ...]]:
        """Reads linearizably.

        Raises:
            StoreUnavailable: ask again.
        """
        return await self._request(statement, _SERIAL, writes=False)

    async def read(self, statement: Statement) -> Sequence[tuple[Any, ...]]:
        """Reads from a quorum.

        Raises:
            StoreUnavailable: ask again.
        """
        return await self._request(statement, _PLAIN, writes=False)

    async def write(self, statement: Statement) -> None:
        """Writes to a quorum; only what may be repeated and come late without harm.

        Raises:
            StoreUnavailable: definitely not applied.
            OutcomeUnknown: it may have been applied or may be still.
        """
        await self._request(statement, _PLAIN, writes=True)

    async def _request(self, statement: Statement, profile: str, *, writes: bool) -> Sequence[Any]:
        async with self._slots:
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[Sequence[Any]] = loop.create_future()
            sent: ResponseFuture | None = None
            try:
                sent = self._session.execute_async(statement, execution_profile=profile)
                sent.add_callbacks(
                    _hand_over, _hand_over_error, (loop, answer), None, (loop, answer), None
                )
                async with asyncio.timeout(self.options.request_s * _DRIVERS_LIMITS):
                    return await answer
            except asyncio.CancelledError:
                raise
            except TimeoutError:
                silent = TimeoutError("no answer, and no time-out of the driver's")
                raise _translated(silent, sent, writes=writes) from None
            except Exception as error:
                raise _translated(error, sent, writes=writes) from error


def _translated(error: Exception, sent: ResponseFuture | None, *, writes: bool) -> StoreError:
    if not writes:
        return read_failed(error)
    # Where handing over failed, `sent` is missing, and nobody can tell what was sent.
    return write_failed(error, None if sent is None else sent.attempted_hosts)


def _hand_over(
    rows: Sequence[Any] | None, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Any]"
) -> None:
    """Called in the driver's thread."""
    # Whoever waited is gone if the loop is closed.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_set_result, answer, rows or ())


def _hand_over_error(
    error: Exception, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Any]"
) -> None:
    """Called in the driver's thread."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_set_exception, answer, error)


def _set_result(answer: "asyncio.Future[Any]", rows: Sequence[Any]) -> None:
    if not answer.done():
        answer.set_result(rows)


def _set_exception(answer: "asyncio.Future[Any]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def profiles(options: CassandraOptions) -> dict[str, ExecutionProfile]:
    """How each kind of request is sent: where to, with which consistency, how often."""
    # The replicas in a fixed order: conditional writes of one partition meet at one node, which
    # queues them, instead of fighting from several.
    balancing = TokenAwarePolicy(
        DCAwareRoundRobinPolicy(options.data_centre), shuffle_replicas=False
    )
    quorum, serial = ConsistencyLevel.LOCAL_QUORUM, ConsistencyLevel.LOCAL_SERIAL
    return {
        _CONDITIONAL: ExecutionProfile(
            balancing, FallthroughRetryPolicy(), quorum, serial, options.request_s, dict_factory
        ),
        _SERIAL: ExecutionProfile(
            balancing, RetryPolicy(), serial, serial, options.request_s, tuple_factory
        ),
        _PLAIN: ExecutionProfile(
            balancing, RetryPolicy(), quorum, serial, options.request_s, tuple_factory
        ),
    }


def _connect(options: CassandraOptions) -> tuple[Cluster, Session]:
    """Blocks until connected; raises StoreUnavailable."""
    cluster = Cluster(
        options.hosts, options.port, protocol_version=_PROTOCOL_VERSION,
        connection_class=PatientConnection, execution_profiles=profiles(options),
        # Without it a request of more than a segment waits for the delayed acknowledgement of the
        # one before: 48 ms instead of 5.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        connect_timeout=options.connect_s, control_connection_timeout=options.connect_s,
        # A node that is frozen or cut off is found out soon, and tried again soon.
        idle_heartbeat_interval=_HEARTBEAT_S, idle_heartbeat_timeout=2 * _HEARTBEAT_S,
        reconnection_policy=ConstantReconnectionPolicy(_RECONNECT_S, max_attempts=None),
        max_schema_agreement_wait=_AGREEMENT_S,
    )  # fmt: skip
    try:
        session = cluster.connect()
    except Exception as error:
        cluster.shutdown()
        raise StoreUnavailable(describe(error)) from error
    session.default_fetch_size = None  # reads are bounded by their limits
    session.use_client_timestamp = False  # Cassandra's clock, where a time is wanted at all
    return cluster, session


def _check_version(session: Session, options: CassandraOptions) -> None:
    keyspaces = session.cluster.metadata.keyspaces
    if (
        options.keyspace not in keyspaces
        or "schema_version" not in keyspaces[options.keyspace].tables
    ):
        raise ConfigurationError(f"Cassandra has no ledger store {options.keyspace}: create it")
    query = f"SELECT version FROM {options.keyspace}.schema_version WHERE one = 1"  # noqa: S608
    try:
        row = session.execute(query, execution_profile=_PLAIN).one()
    except Exception as error:
        raise StoreUnavailable(describe(error)) from error
    if row is None or row[0] != VERSION:
        raise ConfigurationError(
            f"the ledger store {options.keyspace} is of version {row and row[0]}, this program's"
            f" is {VERSION}"
        )


async def create_store(options: CassandraOptions, replication_factor: int = 1) -> None:
    """Creates keyspace and tables where they are missing.

    To be called by one process at a time: two that change the schema at once may corrupt it.

    Raises:
        ConfigurationError: the server's settings are not what they must be.
        StoreUnavailable: no node can be reached, or a statement failed; repeat it.
    """

    def create() -> None:
        cluster, session = _connect(options)
        try:
            check_promises(cluster, session, _PLAIN)
            for text in creation(options.keyspace, {options.data_centre: replication_factor}):
                session.execute(text, execution_profile=_PLAIN, timeout=60)
        except (ConfigurationError, StoreError):
            raise
        except Exception as error:
            raise StoreUnavailable(describe(error)) from error
        finally:
            cluster.shutdown()

    await asyncio.to_thread(create)
