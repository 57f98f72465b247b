"""Shard nodes that end, freeze, leave and come, under load."""

import re
import urllib.request
from pathlib import Path

from flightmesh.journal import SegmentState
from launcher.cluster.network_cut import NETWORK_NAMESPACE, CuttableNode
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
    fenced = sessions_fenced(stack, "shard-1")
    heads: list[int] = []

    async def fault(load: PacedLoad) -> None:
        stack.pause("shard-1")
        try:
            await load.go_on(15)
            heads.append(await sealed_head(stack, before))
        finally:
            stack.resume("shard-1")
        await stack.until(lambda: has_new_session(stack, "shard-1", before), "shard-1 is back")

    await run_fault(stack, schedule, fault, tmp_path)
    # It had a write under way or made one when it woke: that was refused, and told it so.
    assert sessions_fenced(stack, "shard-1") > fenced
    assert await sealed_head(stack, before) == heads[0]


async def test_a_node_whose_network_is_cut_loses_its_shards_and_comes_back(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    await stack.stop("shard-2")
    node = CuttableNode(stack, "shard-2", tmp_path)
    print(f"\nnetwork cut by {node.how}", flush=True)

    async def fault(load: PacedLoad) -> None:
        await stack.until(lambda: has_shards(stack, "shard-2"), "shard-2 has shards")
        before = (await stack.nodes())["shard-2"].session
        node.cut()
        try:
            if node.how == NETWORK_NAMESPACE:
                await load.until_all_rotations_answer()
            await load.go_on(5)
        finally:
            node.mend()
        if node.how == NETWORK_NAMESPACE:
            await stack.until(lambda: has_new_session(stack, "shard-2", before), "shard-2 is back")

    try:
        with node.running():
            await run_fault(stack, schedule, fault, tmp_path)
    finally:
        await stack.start("shard-2")


async def test_draining_and_joining_nodes_fail_no_request(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    async def fault(load: PacedLoad) -> None:
        while await stack.client.mesh.drain_node("shard-3"):
            await load.go_on(0.1)
        await stack.stop("shard-3")
        await load.go_on(1)
        await stack.start("shard-3")
        await stack.until(lambda: has_shards(stack, "shard-3"), "shard-3 has shards again")

    load = await run_fault(stack, schedule, fault, tmp_path)
    load.record.expect_no_failure()


async def has_new_session(stack: Stack, name: str, before: int) -> bool:
    node = (await stack.nodes()).get(name)
    return node is not None and node.session > before


async def has_shards(stack: Stack, name: str) -> bool:
    node = (await stack.nodes()).get(name)
    return node is not None and node.shards_owned > 0


async def sealed_head(stack: Stack, ledger: int) -> int:
    """Number of a sealed ledger's last entry."""
    async with stack.open_store() as store:
        segment, row = 0, await store.journal.read_segment(ledger, 0)
        while (following := await store.journal.read_segment(ledger, segment + 1)) is not None:
            segment, row = segment + 1, following
        assert row is not None
        assert row.state is SegmentState.SEALED, f"ledger {ledger} is {row.state}"
        return row.head


def sessions_fenced(stack: Stack, name: str) -> int:
    """How many of the process's sessions were ended by a seal, as it says itself."""
    with urllib.request.urlopen(f"http://{stack.process(name).metrics}/metrics") as answer:
        text = answer.read().decode()
    found = re.search(r'sessions_ended[a-z_]*\{[^}]*"fenced"[^}]*\} ([0-9.]+)', text)
    assert found, "no metric tells of fenced sessions"
    return int(float(found[1]))
