"""Ending a cluster from another shell: its launcher, or what a killed launcher left running.

Signals go only to processes that cluster.json names, and only where the process with that id was
started when cluster.json says.
"""

import os
import select
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from flightmesh.errors import Unavailable
from launcher.cluster.control import Say
from launcher.cluster.folder import ClusterFolder
from launcher.cluster.state import is_alive

_LAUNCHER_S: Final = 180.0
_TERM_S: Final = 20.0
_KILL_S: Final = 10.0

_Found = tuple[int, int]


def end_launcher(folder: ClusterFolder) -> bool:
    """Has the launcher stop its cluster, and waits for it; False if none runs.

    Raises:
        Unavailable: it does not end.
    """
    state = folder.read()
    if state is None or not is_alive(state.launcher_pid, state.launcher_started):
        return False
    found = (state.launcher_pid, state.launcher_started)
    if not _ended([found], signal.SIGTERM, _LAUNCHER_S):
        raise Unavailable(f"the launcher (process {state.launcher_pid}) does not end")
    return True


def end_left_over(folder: ClusterFolder, say: Say) -> bool:
    """Ends processes of a cluster without a launcher; False if there are none.

    Raises:
        Unavailable: one does not end.
    """
    left = folder.left_over()
    for each in left:
        say(f"{each.name} (process {each.pid}) is being ended")
    found = [(each.pid, each.started) for each in left]
    if not _ended(found, signal.SIGTERM, _TERM_S) and not _ended(found, signal.SIGKILL, _KILL_S):
        names = ", ".join(f"{each.name} (process {each.pid})" for each in folder.left_over())
        raise Unavailable(f"{names} cannot be ended")
    return bool(left)


def _ended(found: Sequence[_Found], number: signal.Signals, limit_s: float) -> bool:
    """Sends a signal to processes and waits for their end, limit_s for each; whether all ended."""
    ends = []
    for pid, started in found:
        with suppress(ProcessLookupError):
            # The descriptor stands for one process: what is checked is what gets the signal.
            end = os.pidfd_open(pid)
            if is_alive(pid, started):
                signal.pidfd_send_signal(end, number)
                ends.append(end)
            else:
                os.close(end)
    all_ended = True
    for end in ends:
        waiting = select.poll()
        waiting.register(end, select.POLLIN)
        all_ended &= bool(waiting.poll(limit_s * 1000))
        os.close(end)
    return all_ended
