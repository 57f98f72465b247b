"""Questions about single aggregates: state now, state in the past, history."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from flightmesh.domain import refusal
from flightmesh.domain.schedule import missing
from flightmesh.errors import InvalidInput, Refused
from flightmesh.eventsourcing.cell import AggregateCell
from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.ids import AggregateId
from shard_node.session import Session
from shard_node.slot import ShardSlot

DEFAULT_PAGE: Final = 100
LARGEST_PAGE: Final = 1_000
_PLACE: Final = re.compile(r"[0-9]{1,18}")

_ABSENT: Final = {
    "rotation": (refusal.ROTATION_NOT_FOUND, refusal.ROTATION_REMOVED),
    "airplane": (refusal.AIRPLANE_NOT_FOUND, refusal.AIRPLANE_RETIRED),
    "airport": ("AIRPORT_NOT_FOUND", "AIRPORT_NOT_FOUND"),
}


@dataclass(frozen=True, slots=True)
class When:
    """The time a question is about: now, or after a sequence, or at an instant.

    Attributes:
        sequence: the aggregate's sequence.
        time_us: microseconds since 1970 UTC.
    """

    sequence: int | None = None
    time_us: int | None = None

    def __post_init__(self) -> None:
        if self.sequence is not None and self.time_us is not None:
            raise InvalidInput("at_time", "cannot be given together with at_sequence")

    @property
    def is_now(self) -> bool:
        """Whether the question is about the present."""
        return self.sequence is None and self.time_us is None


@final
class AggregateQuestions:
    """Answers about one aggregate of a session's shard, from committed records only."""

    def __init__(self, session: Session, slot: ShardSlot, aggregate_id: AggregateId) -> None:
        self._session = session
        self._slot = slot
        self._id = aggregate_id

    async def state(self, when: When) -> AggregateCell:
        """The aggregate as it was then, whatever it is.

        Raises:
            InvalidInput: the aggregate has not come to that sequence yet.
            ShardMoving, SessionFenced, StoreError.
        """
        if when.is_now:
            return await self._session.committed_state(self._slot, self._id)
        return await self._past(when)

    async def scope(self, when: When) -> AggregateCell:
        """A schedule's own aggregate as it was then; raises as `state` does."""
        if when.is_now:
            return await self._session.scope_cell(self._slot, self._id)
        return await self._past(when)

    async def _past(self, when: When) -> AggregateCell:
        sequence = when.sequence
        if when.time_us is not None:
            records = await self._session.history(self._slot, self._id)
            sequence = _sequence_at(records, when.time_us)
        cell = await self._session.past_state(self._slot, self._id, sequence)
        if when.sequence is not None and cell.sequence < when.sequence:
            raise InvalidInput("at_sequence", f"the aggregate is at sequence {cell.sequence}")
        return cell

    async def existing(
        self, kind: str, schedule: str, when: When, scope: Any = None
    ) -> AggregateCell:
        """The aggregate of that type in that schedule, as it was then.

        Args:
            kind: the type.
            schedule: name of the schedule.
            when: the time.
            scope: state of the schedule at that instant; not looked at if None and not now.

        Raises:
            Refused: there is, or was, no such aggregate, or it is removed.
            InvalidInput, ShardMoving, SessionFenced, StoreError: see `state`.
        """
        if when.is_now:
            scope = await self._session.scope_state(schedule)
        if scope is not None:
            absent = missing(scope, schedule)
            if absent is not None:
                raise Refused(absent.reason, absent.message, absent.details)
        cell = await self.state(when)
        never, removed = _ABSENT[kind]
        if not cell.sequence or cell.aggregate_type != kind or cell.scope != schedule:
            raise Refused(never, f"there is no such {kind}", {"aggregate_id": self._id})
        # Known of the schedule may be an earlier life than the one that the aggregate belongs to.
        outlived = scope is not None and cell.state.incarnation < scope.incarnation
        if outlived or not getattr(cell.state, "exists", True):
            raise Refused(removed, f"the {kind} was removed", {"aggregate_id": self._id})
        return cell

    async def history(
        self, schedule: str, page_size: int, page_token: str, include_refusals: bool
    ) -> tuple[Sequence[PlacedRecord], str]:
        """A page of records, oldest first, and the token of the next page (empty at the end).

        A page larger than the largest is cut to that, as by the lists of the read side.

        Raises:
            InvalidInput: the token is malformed.
            ShardMoving, SessionFenced, StoreError.
        """
        if page_token and not _PLACE.fullmatch(page_token):
            raise InvalidInput("page_token", "is not one of this list")
        # History only grows at its end, so a place in it is a stable token.
        first, size = int(page_token or 0), min(page_size or DEFAULT_PAGE, LARGEST_PAGE)
        told = [
            placed
            for placed in await self._session.history(self._slot, self._id)
            if placed.record.scope == schedule and (include_refusals or placed.record.events)
        ]
        following = str(first + size) if first + size < len(told) else ""
        return told[first : first + size], following


def _sequence_at(records: Sequence[PlacedRecord], time_us: int) -> int:
    """The highest sequence committed by then; owners' clocks may differ a little."""
    return max(
        (p.record.aggregate_sequence for p in records if p.committed_at_us <= time_us), default=0
    )
