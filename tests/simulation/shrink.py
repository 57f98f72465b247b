"""Makes a failing run smaller: leaves out faults as long as something stays wrong."""

from collections.abc import Callable

from tests.simulation import plan


def shrink(numbers: tuple[int, ...], fails: Callable[[tuple[int, ...]], bool]) -> tuple[int, ...]:
    """A smaller set of faults that still fails; by delta debugging (Zeller, 1999).

    Args:
        numbers: numbers of the faults of a failing run.
        fails: whether the run with these faults only fails.
    """
    parts = 2
    while len(numbers) > 1:
        size = max(1, len(numbers) // parts)
        for start in range(0, len(numbers), size):
            rest = numbers[:start] + numbers[start + size :]
            if fails(rest):
                numbers, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(numbers), parts * 2)
    if len(numbers) == 1 and fails(()):
        return ()
    return numbers


def numbers_of(seed: int) -> tuple[int, ...]:
    """The numbers of a seed's faults."""
    return tuple(fault.number for fault in plan.draw(seed))
