"""etcd, NATS and Cassandra that end under load, and come back with or without their data."""

import shutil
from pathlib import Path

from tests.servers.faults.examination import run_fault
from tests.servers.faults.load import PacedLoad
from tests.servers.faults.stack import Stack


async def test_one_member_of_etcd_may_be_down(stack: Stack, schedule: str, tmp_path: Path) -> None:
    async def fault(load: PacedLoad) -> None:
        stack.kill("etcd-1")
        await load.go_on(5)
        await stack.start("etcd-1")

    load = await run_fault(stack, schedule, fault, tmp_path)
    load.record.expect_no_failure()


async def test_all_of_etcd_may_be_down_for_20_s(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    async def fault(load: PacedLoad) -> None:
        stack.kill(*stack.named("etcd"))
        await load.go_on(20)
        await stack.start(*stack.named("etcd"))

    load = await run_fault(stack, schedule, fault, tmp_path)
    load.record.expect_no_failure()


async def test_read_nodes_go_on_from_the_journal_while_the_bus_is_down(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    async def fault(load: PacedLoad) -> None:
        stack.kill("nats")
        await load.go_on(4)
        await stack.start("nats")

    load = await run_fault(stack, schedule, fault, tmp_path)
    load.record.expect_no_failure()


async def test_a_bus_that_comes_back_empty_costs_nothing(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    store = stack.folder / "nats" / "jetstream"

    async def fault(load: PacedLoad) -> None:
        stack.kill("nats")
        await stack.until(lambda: stack.process("nats").state == "ended", "nats has ended")
        assert any(store.rglob("*.blk")), "the bus keeps its streams elsewhere"
        shutil.rmtree(store)
        await stack.start("nats")

    load = await run_fault(stack, schedule, fault, tmp_path)
    load.record.expect_no_failure()


async def test_nothing_is_wrong_or_lost_when_cassandra_is_killed(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    async def fault(load: PacedLoad) -> None:
        stack.kill("cassandra")
        await load.go_on(2)
        await stack.start("cassandra")

    load = await run_fault(stack, schedule, fault, tmp_path)
    # What was not answered was told to be worth another try, as all of it has been by now.
    reasons = {failure.reason for failure in load.record.failures}
    assert reasons <= {"UNAVAILABLE", "OVERLOADED", "SHARD_MOVING", "SESSION_FENCED"}, reasons
