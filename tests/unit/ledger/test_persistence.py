"""Repeating until there is an answer."""

import pytest

from flightmesh.clock.virtual import ManualClock
from flightmesh.errors import CorruptData, OutcomeUnknown, StoreError, StoreUnavailable
from flightmesh.ledger.persistence import Backoff, until_definite


class Request:
    """Fails a given number of times, then answers."""

    def __init__(self, clock: ManualClock, failures: list[StoreError]) -> None:
        self._clock, self._failures = clock, failures
        self.times: list[float] = []

    async def __call__(self) -> str:
        self.times.append(self._clock.monotonic_s())
        if self._failures:
            raise self._failures.pop(0)
        return "answer"

    @property
    def pauses(self) -> list[float]:
        return [
            round(later - earlier, 3)
            for earlier, later in zip(self.times, self.times[1:], strict=False)
        ]


async def test_the_first_answer_ends_it() -> None:
    clock = ManualClock()
    request = Request(clock, [])
    assert await until_definite(request, clock) == "answer"
    assert request.pauses == []


async def test_pauses_grow_up_to_a_limit() -> None:
    clock = ManualClock()
    failures: list[StoreError] = [OutcomeUnknown("?"), StoreUnavailable("!")] * 3
    request = Request(clock, failures)
    backoff = Backoff(first_s=0.1, longest_s=0.5, factor=2.0)
    assert await until_definite(request, clock, backoff) == "answer"
    assert request.pauses == [0.1, 0.2, 0.4, 0.5, 0.5, 0.5]


async def test_each_repeat_is_told() -> None:
    clock, told = ManualClock(), []
    request = Request(clock, [StoreUnavailable("!")] * 4)
    await until_definite(request, clock, on_repeat=lambda: told.append(1))
    assert len(told) == 4


async def test_other_errors_are_not_repeated() -> None:
    clock = ManualClock()
    request = Request(clock, [CorruptData("broken")])
    with pytest.raises(CorruptData):
        await until_definite(request, clock)
    assert len(request.times) == 1
