"""The legs of a schedule as the fold of the ledgers: what a read model must answer (I7). Pure.

Built by the aggregates' own evolve from all their records, with no code of the read side.
"""

from collections.abc import Sequence

import msgspec

from flightmesh.domain.rotation import RotationState
from flightmesh.domain.schedule import ScheduleState
from flightmesh.domain.values import Leg
from flightmesh.eventsourcing.cell import rebuild
from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.ids import AggregateId, schedule_aggregate_id
from flightmesh.schedule_model import ScheduleModel
from flightmesh.verification.contents import LedgerContents

_encode = msgspec.json.Encoder().encode


def leg_text(leg: Leg, rotation_id: str, airplane_id: str) -> str:
    """A leg with its place as one text; equal texts are equal legs in equal places."""
    return _encode((leg, rotation_id, airplane_id)).decode()


def leg_rows(ledgers: Sequence[LedgerContents], schedule: str) -> dict[str, str]:
    """The legs of a schedule after all entries: leg id → `leg_text`.

    Raises:
        ProtocolViolation: an aggregate's events are missing or double.
        UnknownEventType, CorruptData: an event cannot be read.
    """
    domain = ScheduleModel()
    histories = _histories(ledgers, schedule)
    root = schedule_aggregate_id(schedule)
    plan: ScheduleState = rebuild(root, histories.pop(root, []), domain).state or ScheduleState()
    rows: dict[str, str] = {}
    for aggregate_id, records in histories.items():
        state = rebuild(aggregate_id, records, domain).state
        # What was made in an earlier life of the schedule went with it.
        if not isinstance(state, RotationState) or state.incarnation != plan.incarnation:
            continue
        if plan.exists and state.exists:
            for leg in state.legs.values():
                rows[leg.leg_id] = leg_text(leg, aggregate_id, state.airplane_id)
    return rows


def _histories(
    ledgers: Sequence[LedgerContents], schedule: str
) -> dict[AggregateId, list[PlacedRecord]]:
    histories: dict[AggregateId, list[PlacedRecord]] = {}
    for contents in ledgers:
        for entry in contents.entries:
            for record in entry.records:
                if record.scope == schedule and record.events:
                    histories.setdefault(record.aggregate_id, []).append(
                        PlacedRecord(entry.ledger, entry.number, entry.committed_at_us, record)
                    )
    return histories
