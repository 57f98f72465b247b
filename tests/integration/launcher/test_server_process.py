"""A started server's process: what is told of its end."""

import os
import threading
from pathlib import Path

import pytest

from flightmesh.errors import Unavailable
from flightmesh.runtime.lifecycle import let_others_finish
from launcher.servers.process import ServerProcess

# The threads met at the wrong moment in two of three rounds.
ROUNDS = 20


def test_an_end_that_another_thread_takes_note_of_is_told_as_an_end(tmp_path: Path) -> None:
    for _ in range(ROUNDS):
        process = ServerProcess("s1", ["sleep", "600"], tmp_path, lambda: False)
        process.start()
        killing = threading.Timer(0.005, process.kill)
        killing.start()
        with pytest.raises(Unavailable, match="s1 has ended"):
            process.wait_ready(60)
        killing.join()


def test_a_process_that_never_serves_is_told_as_not_ready(tmp_path: Path) -> None:
    with ServerProcess("s1", ["sleep", "600"], tmp_path, lambda: False) as process:
        process.start()
        with pytest.raises(Unavailable, match="s1 is not ready"):
            process.wait_ready(0.01)


def test_what_a_thread_starts_after_it_let_others_finish_lets_them_finish_too(
    tmp_path: Path,
) -> None:
    policies: list[int] = []

    def start() -> None:
        let_others_finish()
        with ServerProcess("s1", ["sleep", "600"], tmp_path, lambda: True) as process:
            process.start()
            policies.append(os.sched_getscheduler(process.pid))

    # In a thread of its own: the policy is the thread's, and the tests keep theirs.
    starting = threading.Thread(target=start)
    starting.start()
    starting.join()
    assert policies == [os.SCHED_BATCH]
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
