"""How many requests are due, and how many requests each second a machine can bear."""

import math
from pathlib import Path
from typing import Final

# A load that was kept waiting for longer makes up for this much of it. To make up for all would
# take longer than the wait itself where the processors are full, and so on without an end: the
# load would do nothing but begin requests, and not even notice that their deadlines are over.
CATCH_UP_S: Final = 0.5
# Processor time that must be left at a constant load, as a share of all processors: a process that
# starts takes one of them for seconds.
_SPARE: Final = 0.25
_LEAST_PER_S: Final = 30


class Pace:
    """Counts what is due at a constant rate.

    Args:
        per_s: requests each second.
        now_s: when the first second begins.
    """

    def __init__(self, per_s: int, now_s: float) -> None:
        self._per_s = per_s
        self._start_s = now_s
        self._counted = 0

    def due(self, now_s: float) -> tuple[int, int]:
        """How many to send now, and how many are left out for good."""
        owed = math.floor((now_s - self._start_s) * self._per_s) - self._counted
        now = min(owed, math.floor(CATCH_UP_S * self._per_s))
        self._counted += owed
        return now, owed - now


def slower(per_s: int, busy: float) -> int | None:
    """The rate to try next; None if this one can be borne.

    Args:
        per_s: a rate.
        busy: share of all processor time that was used at this rate.
    """
    if busy <= 1 - _SPARE or per_s <= _LEAST_PER_S:
        return None
    return max(_LEAST_PER_S, per_s * 2 // 3)


def processor_times() -> tuple[float, float]:
    """Processor time used and in all since this machine started, of all processors, in ticks.

    Equal numbers where the kernel does not tell (it does on Linux).
    """
    try:
        line = Path("/proc/stat").read_text().partition("\n")[0]
    except OSError:
        return 0.0, 0.0
    # proc_stat(5): user nice system idle iowait irq softirq steal; guests are in user already.
    # Who is nice makes way.
    user, _, system, _, _, irq, softirq, steal = ticks = [int(each) for each in line.split()[1:9]]
    return float(user + system + irq + softirq + steal), float(sum(ticks))


def busy_between(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Share of processor time used between two looks; 0.0 where it is not known."""
    whole = after[1] - before[1]
    return (after[0] - before[0]) / whole if whole else 0.0
