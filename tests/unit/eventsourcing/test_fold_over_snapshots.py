"""Folding is associative over snapshots: wherever they were taken, the aggregate is the same.

With the real domain, and with snapshots as they are stored: encoded, and read back.
"""

from collections.abc import Sequence
from unittest.mock import patch

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from flightmesh.codec.snapshots import decode_snapshot, encode_snapshot
from flightmesh.domain import commands as c
from flightmesh.domain.schedule import ScheduleState
from flightmesh.errors import Refused
from flightmesh.eventsourcing import CommandEnvelope, window
from flightmesh.eventsourcing.cell import AggregateCell, SavedState, rebuild, save
from flightmesh.eventsourcing.record import PlacedRecord, Record
from flightmesh.eventsourcing.shard_state import ShardState
from flightmesh.ids import AggregateId
from flightmesh.schedule_model import ScheduleModel
from tests.unit.domain import strategies
from tests.unit.eventsourcing.counter import command_id

AGGREGATE = AggregateId("00000000-0000-4000-8000-0000000000cc")
DOMAIN = ScheduleModel(lambda iata: iata != "XXQ")
PLAN = ScheduleState("s05", 1, True)
# The first command of each makes most of the others possible.
KINDS = {
    "rotation": (c.CreateRotation("first"), strategies.rotation_commands),
    "airplane": (c.RegisterAirplane("N971AT"), strategies.airplane_commands),
    "airport": (c.DefineAirport("MRS"), strategies.airport_commands),
    "schedule": (c.CreateSchedule("s05"), strategies.schedule_commands),
}


def history(kind: str, numbered: Sequence[tuple[int, c.Command]]) -> list[PlacedRecord]:
    """The records of commands with ids of those numbers; those of a refused id leave none."""
    cell, shard = AggregateCell(AGGREGATE), ShardState(3, DOMAIN)
    records: list[PlacedRecord] = []
    for number, command in numbered:
        envelope = CommandEnvelope(
            command_id(number), AGGREGATE, kind, "s05", command, repr(command).encode()[:16]
        )
        scope = None if kind == "schedule" else PLAN
        try:
            # Three records in each entry, five entries in each ledger.
            place = (1 + len(records) // 15, len(records) // 3)
            outcome = shard.decide(cell, envelope, scope, *place)
        except Refused:
            continue
        if isinstance(outcome, Record):
            records.append(PlacedRecord(*place, 1_000 + len(records), outcome))
    return records


def content(cell: AggregateCell) -> tuple[object, ...]:
    window_ = (list(cell.window), cell.window.newest_dropped)
    state = DOMAIN.encode_state(cell.aggregate_type, cell.state) if cell.sequence else b""
    return cell.aggregate_type, cell.scope, cell.sequence, cell.state, state, window_


def stored(cell: AggregateCell) -> SavedState | None:
    """A snapshot of the cell, through its stored form; there is none without events."""
    return decode_snapshot(encode_snapshot(save(cell, DOMAIN))) if cell.sequence else None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("remembered", [3, window.WINDOW_SIZE])
@examples(data=st.data())
def test_a_fold_from_any_snapshot_of_a_snapshot_is_the_fold_of_all(
    kind: str, remembered: int, data: st.DataObject
) -> None:
    first, others = KINDS[kind]
    commands = [first, *data.draw(st.lists(others, max_size=25))]
    numbers = data.draw(st.lists(st.integers(1, 40), min_size=26, max_size=26))
    with patch.object(window, "WINDOW_SIZE", remembered):
        records = history(kind, list(zip(numbers, commands, strict=False)))
        whole = rebuild(AGGREGATE, records, DOMAIN)
        cuts = sorted(data.draw(st.sets(st.integers(0, len(records)), min_size=1, max_size=3)))
        saved, begun = None, 0
        for cut in cuts:
            # Where there is no snapshot yet, all records are read.
            since = records[begun if saved else 0 : cut]
            saved, begun = stored(rebuild(AGGREGATE, since, DOMAIN, saved)) or saved, cut
        rest = records[begun if saved else 0 :]

        assert content(rebuild(AGGREGATE, rest, DOMAIN, saved)) == content(whole)
        # An owner also reads records that the snapshot has seen.
        assert content(rebuild(AGGREGATE, records, DOMAIN, saved)) == content(whole)
