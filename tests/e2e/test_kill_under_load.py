"""kill -9 of the whole mesh under command load: nothing acknowledged is lost or doubled.

Fifty rounds: scripts/soak_kill.py.
"""

from pathlib import Path

from flightmesh.testing.history import Acknowledged, Refused
from tests.e2e.kill_rounds import ACKNOWLEDGED, kill_rounds

ROUNDS = 4


def test_a_mesh_that_is_killed_under_load_keeps_all_that_it_acknowledged(tmp_path: Path) -> None:
    load = kill_rounds(tmp_path, ROUNDS, seed=20_261_123)
    assert load.acknowledged >= ROUNDS * ACKNOWLEDGED
    reasons = {note.reason for note in load.history.notes if isinstance(note, Refused)}
    # The load must be able to find something: refusals, repeats, stale sequences, reused ids.
    assert {"LEG_OVERLAP", "SEQUENCE_MISMATCH", "COMMAND_ID_REUSED"} <= reasons
    asked = [note.command_id for note in load.history.notes if hasattr(note, "command_id")]
    assert len(set(asked)) < len(asked)
    assert sum(isinstance(note, Acknowledged) for note in load.history.notes) > 800
