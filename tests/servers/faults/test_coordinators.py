"""Coordinators that end or freeze under load: the way of commands never leads over them."""

from pathlib import Path

from tests.servers.faults.examination import run_fault
from tests.servers.faults.load import PacedLoad
from tests.servers.faults.stack import Stack


async def test_a_standby_leads_after_a_kill_of_the_leader_and_no_request_fails(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    leader = await stack.leader()

    async def fault(load: PacedLoad) -> None:
        stack.kill(leader)
        await stack.until_another_leads(leader)
        await stack.start(leader)

    load = await run_fault(stack, schedule, fault, tmp_path)
    load.record.expect_no_failure()


async def test_a_leader_that_was_frozen_stands_by_when_it_wakes_and_no_request_fails(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    leader = await stack.leader()

    async def fault(load: PacedLoad) -> None:
        stack.pause(leader)
        try:
            await stack.until_another_leads(leader)
            await load.go_on(1)
        finally:
            stack.resume(leader)
        await load.go_on(3)

    load = await run_fault(stack, schedule, fault, tmp_path)
    load.record.expect_no_failure()
    await stack.until_another_leads(leader)


async def test_commands_and_queries_go_on_without_etcd_and_coordinators(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    gone = (*stack.named("etcd"), *stack.named("coordinator"))

    async def fault(load: PacedLoad) -> None:
        stack.kill(*gone)
        await load.go_on(10)
        await stack.start(*stack.named("etcd"))
        await stack.start(*stack.named("coordinator"))

    load = await run_fault(stack, schedule, fault, tmp_path)
    load.record.expect_no_failure()
