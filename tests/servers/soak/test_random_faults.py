"""Any process or server is killed or frozen, again and again, under load; see docs/fault-tests.md.

FAULTS_MINUTES says for how long, FAULTS_SEED what.
"""

import os
import random
from pathlib import Path

import pytest

from tests.servers.faults.conftest import (  # noqa: F401 - fixtures
    cluster_of_the_run,
    schedule,
    stack,
)
from tests.servers.faults.examination import run_fault
from tests.servers.faults.load import PacedLoad
from tests.servers.faults.stack import Stack

MINUTES = float(os.environ.get("FAULTS_MINUTES", "10"))
SEED = int(os.environ.get("FAULTS_SEED", "1"))


@pytest.mark.timeout(MINUTES * 60 + 1800)
async def test_whatever_is_killed_or_frozen_nothing_is_lost_or_doubled(
    stack: Stack,  # noqa: F811
    schedule: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    chance = random.Random(SEED)
    names = [each.name for each in stack.state().processes]

    async def fault(load: PacedLoad) -> None:
        passed_s = 0.0
        while passed_s < MINUTES * 60:
            name = chance.choice(names)
            held_s = chance.choice((0.1, 1.0, 4.0, 12.0))
            if chance.random() < 0.5:
                print(f"{name} is killed, started after {held_s} s", flush=True)
                stack.kill(name)
                await load.go_on(held_s)
                await stack.start(name)
            else:
                print(f"{name} is frozen for {held_s} s", flush=True)
                stack.pause(name)
                try:
                    await load.go_on(held_s)
                finally:
                    stack.resume(name)
            await load.go_on(2.0)
            passed_s += held_s + 2.0

    print(f"\nseed {SEED}", flush=True)
    await run_fault(stack, schedule, fault, tmp_path)
    stack.doctor()
