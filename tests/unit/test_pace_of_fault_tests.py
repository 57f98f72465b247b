"""A load keeps its rate, and a machine that cannot bear it makes it slower and not endless."""

import pytest

from tests.servers.faults.pace import CATCH_UP_S, Pace, busy_between, slower


def test_all_that_falls_due_is_sent_in_time() -> None:
    pace = Pace(300, now_s=7.0)
    sent = [pace.due(7.0 + turn / 100) for turn in range(1, 1_001)]
    assert sum(due for due, _ in sent) == 3_000
    assert not any(left_out for _, left_out in sent)


def test_a_short_wait_is_made_up_for() -> None:
    pace = Pace(300, now_s=0.0)
    assert pace.due(0.4) == (120, 0)


def test_of_a_long_wait_the_rest_is_left_out_and_not_owed_later() -> None:
    pace = Pace(300, now_s=0.0)
    assert pace.due(60.0) == (150, 17_850)
    assert pace.due(60.01) == (3, 0)


def test_turns_stay_short_where_each_request_takes_longer_than_its_share() -> None:
    pace, now_s, turns_s = Pace(300, now_s=0.0), 0.01, []
    for _ in range(50):
        due, _ = pace.due(now_s)
        turns_s.append(0.01 + due * 0.004)
        now_s += turns_s[-1]
    assert max(turns_s) < 2 * CATCH_UP_S


@pytest.mark.parametrize(
    ("per_s", "busy", "expected"),
    [(300, 0.5, None), (300, 0.75, None), (300, 0.98, 200), (200, 0.9, 133), (30, 1.0, None)],
)
def test_a_rate_that_leaves_too_little_time_is_lowered(
    per_s: int, busy: float, expected: int | None
) -> None:
    assert slower(per_s, busy) == expected


def test_busy_is_the_used_share_of_the_time_between() -> None:
    assert busy_between((100.0, 400.0), (250.0, 600.0)) == 0.75
    assert busy_between((0.0, 0.0), (0.0, 0.0)) == 0.0
