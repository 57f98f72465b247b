"""Every process of the mesh is restarted, one after another, and no caller notices."""

from pathlib import Path

from tests.servers.faults.examination import run_fault
from tests.servers.faults.load import PacedLoad
from tests.servers.faults.stack import Stack

ROLES = ("coordinator", "shard_node", "read_node", "gateway")


async def test_a_rolling_restart_of_every_process_fails_no_request(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    names = [name for role in ROLES for name in stack.named(role)]
    before = {name: stack.process(name).pid for name in names}

    async def fault(load: PacedLoad) -> None:
        for name in names:
            await stack.stop(name)
            await stack.start(name)
            await stack.until_whole()

    load = await run_fault(stack, schedule, fault, tmp_path, before_s=2, after_s=2)
    load.record.expect_no_failure()
    assert all(stack.process(name).pid != before[name] for name in names)
