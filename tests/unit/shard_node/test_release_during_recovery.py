"""A shard that is asked back, or whose session stops, before it is recovered."""

import asyncio
from typing import Any

import pytest

from tests.unit.shard_node.mesh import Gate, Mesh, idle


@pytest.mark.parametrize("end", ["release", "stop"])
async def test_rule_11_no_watermark_covers_what_a_recovery_has_not_read(end: str) -> None:
    mesh = Mesh(idle_watermark_entries=0)
    reads = Gate(mesh.index, "read_head")
    changes = Gate(mesh.claims, "change_claims")
    mesh.index, mesh.claims = reads, changes  # type: ignore[assignment]
    node = await mesh.add_node()
    session = node.node.session
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    shard = mesh.map.shard_of(rotation)
    # Committed, not indexed, and its shard given back.
    assert await mesh.release(node, shard)
    reads.close()
    asked = asyncio.ensure_future(mesh.assign(node, shard))
    await idle()
    changes.close()
    ending: asyncio.Future[Any] = asyncio.ensure_future(
        mesh.release(node, shard) if end == "release" else session.stop()
    )
    await idle()
    await session.flusher.flush()

    marks = await mesh.store.index.read_watermarks(shard)

    assert session.id not in marks
    reads.open()
    changes.open()
    await asyncio.gather(asked, ending, return_exceptions=True)
    await mesh.stop()
