"""Shard nodes that end, freeze, or are drained, under load."""

from pathlib import Path

from tests.servers.faults.examination import run_fault
from tests.servers.faults.load import PacedLoad
from tests.servers.faults.stack import Stack


async def test_the_shards_of_a_killed_node_go_on_elsewhere(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    async def fault(load: PacedLoad) -> None:
        stack.kill("shard-2")
        await load.until_all_rotations_answer()
        await stack.start("shard-2")

    await run_fault(stack, schedule, fault, tmp_path)


async def test_a_node_frozen_for_15_s_writes_nothing_more_and_comes_back_with_a_new_session(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    before = (await stack.nodes())["shard-1"].session

    async def fault(load: PacedLoad) -> None:
        stack.pause("shard-1")
        try:
            await load.go_on(15)
        finally:
            stack.resume("shard-1")
        await stack.until(lambda: _has_new_session(stack, "shard-1", before), "shard-1 is back")

    await run_fault(stack, schedule, fault, tmp_path)


async def _has_new_session(stack: Stack, name: str, before: int) -> bool:
    node = (await stack.nodes()).get(name)
    return node is not None and node.session > before


async def test_draining_and_joining_nodes_fail_no_request(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    async def fault(load: PacedLoad) -> None:
        async with stack.client() as client:
            while await client.mesh.drain_node("shard-3"):
                await load.go_on(0.1)
        await stack.stop("shard-3")
        await load.go_on(1)
        await stack.start("shard-3")

        async def has_shards() -> bool:
            return (await stack.nodes())["shard-3"].shards_owned > 0

        await stack.until(has_shards, "shard-3 has shards again")

    load = await run_fault(stack, schedule, fault, tmp_path)
    assert not load.record.failures, load.record.failures[:5]
