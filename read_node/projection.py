"""The fold: stored records into the models of schedules.

Records of one aggregate come in order; those of different aggregates in any. An aggregate with an
event that cannot be read is quarantined: it stays as it was, its later events are counted and left
out, and an alarm is raised. Nothing is ever skipped in silence.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol, final

from flightmesh.errors import CorruptData, UnknownEventType
from flightmesh.ids import id_text
from flightmesh.runtime.logs import fields
from read_node.checks import settle
from read_node.schedule_model import ScheduleModel
from read_node.schedules import Schedules, Scope

_log = logging.getLogger(__name__)


class StoredEvent(Protocol):
    """An event as stored; see flightmesh.api.journal.v1.StoredEvent."""

    type: str
    version: int
    payload: bytes


class StoredRecord(Protocol):
    """A record as stored; see flightmesh.api.journal.v1.Record."""

    shard: int
    aggregate_id: bytes
    scope: str
    first_shard_sequence: int
    aggregate_sequence: int

    @property
    def events(self) -> Sequence[StoredEvent]:
        """Its events."""


# Applies one event: (scope, aggregate id, payload, aggregate sequence) to the model it changed,
# None where it no longer counts.
Handler = Callable[[Scope, bytes, bytes, int], ScheduleModel | None]


@final
class Projection:
    """Folds records into models and keeps the models' findings.

    Args:
        handlers: by event type, for version 1 of each.
        unreadable: what a handler raises when a payload is not what its type says.

    Attributes:
        schedules: the models.
        quarantined: by aggregate id, why.
        events: number of events applied.
        left_out: number of records of quarantined aggregates that were left out.
    """

    def __init__(
        self, handlers: dict[str, Handler], unreadable: tuple[type[Exception], ...] = ()
    ) -> None:
        self.schedules = Schedules()
        self.quarantined: dict[bytes, str] = {}
        self.events = 0
        self.left_out = 0
        self._handlers = handlers
        self._bad: tuple[type[Exception], ...] = (
            UnknownEventType,
            CorruptData,
            LookupError,
            *unreadable,
        )
        self._unsettled: dict[ScheduleModel, None] = {}

    def load(
        self, scopes: list[Scope], quarantined: dict[bytes, str], events: int, left_out: int
    ) -> None:
        """Goes on from models that were made elsewhere, findings settled; must be new."""
        self.schedules.load(scopes)
        self.quarantined.update(quarantined)
        self.events, self.left_out = events, left_out

    def apply(self, record: StoredRecord) -> int:
        """Applies the events of a record; returns their number, left out or not."""
        events = record.events
        aggregate_id = record.aggregate_id
        if self.quarantined and aggregate_id in self.quarantined:
            self.left_out += 1
            return len(events)
        scope = self.schedules.scope(record.scope)
        sequence = record.aggregate_sequence
        handlers = self._handlers
        model = None
        try:
            for event in events:
                handler = handlers.get(event.type)
                if handler is None or event.version != 1:
                    raise UnknownEventType(event.type, event.version)
                model = handler(scope, aggregate_id, event.payload, sequence)
        except self._bad as error:
            self._quarantine(record, error)
        self.schedules.version += 1
        if model is not None:
            model.version += 1
            self._unsettled[model] = None
        self.events += len(events)
        return len(events)

    def settle(self, limit: int | None = None) -> bool:
        """Brings the findings of changed schedules up to date; see `read_node.checks.settle`."""
        while self._unsettled:
            model = next(iter(self._unsettled))
            if not settle(model, limit):
                return False
            del self._unsettled[model]
        return True

    def _quarantine(self, record: StoredRecord, error: Exception) -> None:
        self.quarantined[record.aggregate_id] = str(error)
        for model in self.schedules.scope(record.scope).models:
            # Events before the bad one may have changed it.
            model.version += 1
            self._unsettled[model] = None
        named = fields(
            aggregate_id=id_text(record.aggregate_id), schedule=record.scope, shard=record.shard
        )
        _log.error("aggregate is quarantined: %s", error, extra=named)
