"""Processor time and memory of a cluster's processes, as the kernel counts them."""

import os
from collections.abc import Mapping
from pathlib import Path

from launcher.cluster.state import ClusterState

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(state: ClusterState) -> dict[str, float]:
    """Processor time so far by process, user and system, seconds; without those that ended."""
    spent = {}
    for each in state.processes:
        try:
            text = Path(f"/proc/{each.pid}/stat").read_text()
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        spent[each.name] = (int(fields[11]) + int(fields[12])) / TICKS
    return spent


def memory_mb(state: ClusterState) -> dict[str, int]:
    """Resident memory by process, MiB; without those that ended."""
    held = {}
    for each in state.processes:
        try:
            text = Path(f"/proc/{each.pid}/status").read_text()
        except OSError:
            continue
        held[each.name] = next(
            (int(line.split()[1]) // 1024 for line in text.splitlines() if "VmRSS" in line), 0
        )
    return held


def spent_between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Processor time of each process between two looks, seconds; those that used any."""
    spent = {name: round(after[name] - before.get(name, 0.0), 2) for name in after}
    return {name: seconds for name, seconds in spent.items() if seconds > 0}
