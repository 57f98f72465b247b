"""What cannot be mended without a person stops as little as possible and is told once."""

import logging
from typing import Any

import pytest

from flightmesh.registry import Put
from flightmesh.sharding.shard_map import (
    CONSTANTS_KEY,
    MeshConstants,
    ShardState,
    encode_constants,
)

Mesh = Any


async def test_a_ledger_that_cannot_be_sealed_holds_up_its_own_shards_only(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "abcd":
        await mesh.node(name)
    await mesh.coordinator()
    await mesh.until_served(1.0)
    session = mesh.nodes["a"].session
    await mesh.journal.roll(session, 0, b"w%d" % session, -1)
    await mesh.journal.open_segment(session, 1, b"other", 7)  # it should begin at 0

    await mesh.nodes["a"].kill()
    await mesh.clock.advance(5.0)
    await mesh.nodes["b"].kill()
    await mesh.clock.advance(5.0)

    rows = (await mesh.map()).assignments
    stuck = [row for row in rows if row.session == session]
    assert {row.state for row in stuck} == {ShardState.TAKING_OVER}
    alive = {mesh.nodes["c"].session, mesh.nodes["d"].session}
    assert {row.session for row in rows} - {session} == alive
    told = [record for record in caplog.records if "cannot be sealed" in record.message]
    assert [record.levelno for record in told] == [logging.ERROR]


async def test_a_leadership_that_fails_is_begun_again_now_and_then(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    await mesh.node("a")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)

    constants = (await mesh.registry.list_prefix(CONSTANTS_KEY)).items[0].value
    other = encode_constants(MeshConstants(32, 1))  # of another mesh that uses the same etcd
    await mesh.registry.transact([], [Put(CONSTANTS_KEY, other)])
    await mesh.clock.advance(30.0)
    failures = [record for record in caplog.records if record.message == "leadership failed"]
    await mesh.registry.transact([], [Put(CONSTANTS_KEY, constants)])
    await mesh.clock.advance(5.0)

    assert 2 <= len(failures) <= 30
    assert coordinator.leader is not None
    assert await mesh.serves()
