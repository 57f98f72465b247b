import logging
from typing import Any

import pytest

from flightmesh.clock.virtual import ManualClock
from flightmesh.runtime.trouble import Trouble

LOG = logging.getLogger("somewhere")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def trouble(clock: ManualClock) -> Trouble:
    return Trouble(LOG, "the index lags behind", clock.monotonic_s)


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, Any]]:
    return [(r.levelname, r.getMessage(), r.fields) for r in caplog.records]  # type: ignore[attr-defined]


def test_what_goes_well_says_nothing(trouble: Trouble, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    trouble.over()
    assert not caplog.records
    assert not trouble.lasts


def test_its_beginning_and_its_end_are_told_once(
    trouble: Trouble, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(100):
        trouble.met(OSError("away"), shard=3)
        clock.advance(0.1)
    assert trouble.lasts
    trouble.over(shard=3)
    trouble.over(shard=3)
    assert lines(caplog) == [
        ("WARNING", "the index lags behind: away", {"shard": 3, "repeats": 1}),
        ("INFO", "over: the index lags behind", {"shard": 3, "repeats": 100, "seconds": 10.0}),
    ]


def test_one_that_lasts_is_told_each_minute(
    trouble: Trouble, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(180):
        trouble.met(OSError("away"))
        clock.advance(1.0)
    assert [fields["repeats"] for _, _, fields in lines(caplog)] == [1, 61, 121]


def test_a_second_trouble_is_told_like_the_first(
    trouble: Trouble, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        trouble.met(OSError("away"))
        trouble.over()
    assert [message for _, message, _ in lines(caplog)] == ["the index lags behind: away"] * 2
