"""A start may take as long as it makes progress."""

import pytest

from flightmesh.clock.virtual import ManualClock
from flightmesh.errors import Unavailable
from launcher.readiness import until_ready


async def test_a_replay_of_an_hour_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    began_s = clock.monotonic_s()

    def minutes() -> int:
        return int((clock.monotonic_s() - began_s) / 59)

    await until_ready(lambda: minutes() >= 60, lambda: {"entries_read": minutes()}, clock)
    assert clock.monotonic_s() - began_s >= 3_540
    told = [record.message for record in caplog.records]
    assert 300 < len(told) < 360
    assert "still starting: 59 entries read" in told


async def test_a_start_that_stands_still_is_given_up_with_how_far_it_came() -> None:
    clock = ManualClock()
    began_s = clock.monotonic_s()
    with pytest.raises(Unavailable, match="stands still: 1,234 entries read, 7 shards served"):
        await until_ready(lambda: False, lambda: {"entries_read": 1_234, "shards_served": 7}, clock)
    assert 60 < clock.monotonic_s() - began_s < 61


async def test_a_failure_meanwhile_is_raised_at_once() -> None:
    def is_ready() -> bool:
        raise ValueError("the read node has failed")

    with pytest.raises(ValueError, match="read node has failed"):
        await until_ready(is_ready, dict, ManualClock())
