"""What becomes of a request whose answer is an error, or lost: tests 18 to 20 of the fault list.

A proxy stands before a real Cassandra, so "applied" and "not applied" are facts and no claims.
"""

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from cassandra import InvalidRequest, OperationTimedOut, Unavailable, WriteTimeout
from cassandra.cluster import NoHostAvailable
from cassandra.policies import RetryPolicy
from cassandra.protocol import ErrorMessage

from flightmesh.clock import SystemClock
from flightmesh.errors import OutcomeUnknown, StoreUnavailable
from flightmesh.journal import Claim, ClaimChange, SegmentRow, SegmentState
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore
from flightmesh.journal.cassandra_connection import profiles
from flightmesh.journal.cassandra_errors import write_failed
from flightmesh.ledger.persistence import until_definite
from launcher.servers.cassandra import Cassandra
from tests.servers.journal.cql_proxy import CqlProxy, Fate, Spoiled

TOKEN = b"writer-token-0001"

# Error bodies after code and message, as the protocol's version 4 has them.
_QUORUM = 0x0004


def _text(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


WRITE_TIMEOUT = struct.pack(">Hii", _QUORUM, 0, 1) + _text(b"CAS")
UNAVAILABLE = struct.pack(">Hii", _QUORUM, 2, 1)
READ_TIMEOUT = struct.pack(">HiiB", _QUORUM, 0, 1, 0)
CODES = {
    "ServerError": (0x0000, b""),
    "Overloaded": (0x1001, b""),
    "IsBootstrapping": (0x1002, b""),
    "WriteTimeout": (0x1100, WRITE_TIMEOUT),
    "CasWriteUnknown": (0x1700, struct.pack(">Hii", _QUORUM, 0, 1)),
}


@dataclass
class Spoiling:
    """A store behind a proxy."""

    proxy: CqlProxy
    store: CassandraStore

    def next(self, fate: Fate, code: int = 0, details: bytes = b"") -> None:
        self.proxy.plan.append(Spoiled(fate, code, details))


@pytest_asyncio.fixture
async def spoiling(
    cassandra_server: Cassandra, cassandra_store: CassandraOptions
) -> AsyncIterator[Spoiling]:
    proxy = CqlProxy(cassandra_server.host, cassandra_server.port)
    server = await proxy.serve()
    options = replace(cassandra_store, port=proxy.own_port, request_s=1.0)
    store = await CassandraStore.open(options)
    try:
        yield Spoiling(proxy, store)
    finally:
        await store.close()
        server.close()


@pytest.mark.parametrize("name", CODES)
async def test_an_applied_append_that_is_answered_by_an_error_is_unknown_then_found_in(
    spoiling: Spoiling, name: str
) -> None:
    journal = spoiling.store.journal
    await journal.open_segment(1, 0, TOKEN, 0)
    spoiling.next(Fate.APPLIED_THEN_ERROR, *CODES[name])
    with pytest.raises(OutcomeUnknown):
        await journal.append(1, 0, TOKEN, 0, b"entry")
    answer = await journal.append(1, 0, TOKEN, 0, b"entry")
    assert not answer.applied
    assert answer.row == SegmentRow(SegmentState.OPEN, TOKEN, 0, 0)
    assert list(await journal.read_entries(1, 0, 0, 10)) == [(0, b"entry")]


@pytest.mark.parametrize("name", CODES)
async def test_an_append_that_was_not_applied_is_unknown_too_and_its_repeat_applies(
    spoiling: Spoiling, name: str
) -> None:
    journal = spoiling.store.journal
    await journal.open_segment(1, 0, TOKEN, 0)
    spoiling.next(Fate.ERROR, *CODES[name])
    with pytest.raises(OutcomeUnknown):
        await journal.append(1, 0, TOKEN, 0, b"entry")
    assert (await journal.append(1, 0, TOKEN, 0, b"entry")).applied


@pytest.mark.parametrize("name", CODES)
async def test_the_driver_sends_a_conditional_write_once(spoiling: Spoiling, name: str) -> None:
    await spoiling.store.journal.open_segment(1, 0, TOKEN, 0)
    before = spoiling.proxy.requests
    spoiling.next(Fate.ERROR, *CODES[name])
    with pytest.raises(OutcomeUnknown):
        await spoiling.store.journal.append(1, 0, TOKEN, 0, b"entry")
    assert spoiling.proxy.requests == before + 1


def test_no_other_node_is_tried_with_a_conditional_write() -> None:
    policy = profiles(CassandraOptions())["conditional"].retry_policy
    error = OperationTimedOut()
    decision, _ = policy.on_request_error(None, None, error=error, retry_num=0)
    assert decision == RetryPolicy.RETHROW


async def test_too_few_replicas_is_definitely_not_applied(spoiling: Spoiling) -> None:
    journal = spoiling.store.journal
    await journal.open_segment(1, 0, TOKEN, 0)
    spoiling.next(Fate.ERROR, 0x1000, UNAVAILABLE)
    with pytest.raises(StoreUnavailable):
        await journal.append(1, 0, TOKEN, 0, b"entry")


@pytest.mark.parametrize("fate", [Fate.APPLIED_THEN_CUT, Fate.CUT])
async def test_a_lost_connection_is_unknown_and_the_repeat_gets_through(
    spoiling: Spoiling, fate: Fate
) -> None:
    journal = spoiling.store.journal
    await journal.open_segment(1, 0, TOKEN, 0)
    before = spoiling.proxy.requests
    spoiling.next(fate)
    with pytest.raises(OutcomeUnknown):
        await journal.append(1, 0, TOKEN, 0, b"entry")
    assert spoiling.proxy.requests == before + 1
    answer = await until_definite(lambda: journal.append(1, 0, TOKEN, 0, b"entry"), SystemClock())
    assert answer.row is not None
    assert answer.row.head == 0
    assert answer.applied == (fate is Fate.CUT)


async def test_no_answer_in_time_is_unknown_and_a_late_one_harms_nothing(
    spoiling: Spoiling,
) -> None:
    journal = spoiling.store.journal
    await journal.open_segment(1, 0, TOKEN, 0)
    spoiling.next(Fate.APPLIED_THEN_SILENCE)
    with pytest.raises(OutcomeUnknown):
        await journal.append(1, 0, TOKEN, 0, b"entry")
    answer = await journal.append(1, 0, TOKEN, 0, b"entry")
    assert answer.row == SegmentRow(SegmentState.OPEN, TOKEN, 0, 0)


async def test_claims_of_unknown_outcome_are_resolved_by_reading(spoiling: Spoiling) -> None:
    claims = spoiling.store.claims
    changes = [ClaimChange(None, Claim(n, 7, 1, False, (7,))) for n in range(8)]
    spoiling.next(Fate.APPLIED_THEN_ERROR, *CODES["CasWriteUnknown"])
    with pytest.raises(OutcomeUnknown):
        await claims.change_claims(changes)
    assert await claims.read_claims() == {change.new.shard: change.new for change in changes}


async def test_a_session_number_of_unknown_outcome_is_given_to_nobody_else(
    spoiling: Spoiling,
) -> None:
    journal = spoiling.store.journal
    first = await journal.allocate_session()
    spoiling.next(Fate.PASSED)
    spoiling.next(Fate.APPLIED_THEN_ERROR, *CODES["WriteTimeout"])
    with pytest.raises(OutcomeUnknown):
        await journal.allocate_session()
    assert await journal.allocate_session() == first + 2


async def test_a_read_that_fails_may_be_asked_again(spoiling: Spoiling) -> None:
    journal = spoiling.store.journal
    await journal.open_segment(1, 0, TOKEN, 0)
    for _ in range(4):
        spoiling.next(Fate.ERROR, 0x1200, READ_TIMEOUT)
    with pytest.raises(StoreUnavailable):
        await journal.read_segment(1, 0)
    spoiling.proxy.plan.clear()
    assert await journal.read_segment(1, 0) == SegmentRow(SegmentState.OPEN, TOKEN, 0, -1)


@pytest.mark.parametrize(
    "error",
    [Unavailable("few"), InvalidRequest("bad"), NoHostAvailable("none", {})],
    ids=lambda error: type(error).__name__,
)
def test_what_was_refused_or_never_sent_is_definite(error: Exception) -> None:
    assert isinstance(write_failed(error, []), StoreUnavailable)


@pytest.mark.parametrize(
    "error",
    [
        WriteTimeout("late", write_type=0),
        OperationTimedOut(),
        ErrorMessage(0x1700, "unknown", None),
        RuntimeError("of the driver"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_everything_else_is_unknown(error: Exception) -> None:
    assert isinstance(write_failed(error, ["a node"]), OutcomeUnknown)


def test_no_host_after_a_try_is_unknown() -> None:
    error = NoHostAvailable("none", {})
    assert isinstance(write_failed(error, ["a node"]), OutcomeUnknown)
    assert isinstance(write_failed(error, None), OutcomeUnknown)
