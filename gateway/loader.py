"""Carries a plan out: compares it with the schedule, sends what is missing, reports.

The commands are ordinary ones. A load that is cut off leaves whole commands behind; loading the
same file again compares anew and sends the rest.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from flightmesh.api.common.v1 import metadata_pb2
from flightmesh.clock import Clock, Randomness, new_command_id
from flightmesh.domain.commands import AddLegs, ChangeAirplane, ChangeLegTimes
from flightmesh.errors import Refused, RetryableError
from flightmesh.loading.difference import Difference, Step, difference
from flightmesh.loading.issues import Issue
from flightmesh.loading.plan import LoadPlan
from flightmesh.loading.schedule_state import ScheduleState
from flightmesh.position import Position
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.query_router import QueryRouter
from flightmesh.rpc.errors import error_of
from gateway.loading_commands import create_request, request_of
from gateway.loading_moves import LOST, LegsElsewhere, RefusedStep, divided, ways_back
from gateway.loading_state import ScheduleReader

# One call carries at most this many items (legs): about half a megabyte.
ITEMS_PER_CALL: Final = 2_000
STEPS_PER_CALL: Final = 400
# What another load, or this one before it was cut off, has done already.
_DONE_ALREADY: Final = {"ROTATION_EXISTS", "AIRPLANE_EXISTS"}


@dataclass(slots=True)
class LoadResult:
    """What came of a load.

    Attributes:
        plan: what the file says.
        difference: what was missing.
        refused: it is no file of its kind, or strict mode refused it; nothing was sent.
        failed_items: items whose commands were refused while loading.
        failed_changes: those of them that were to be changed, not added.
        issues: these refusals.
        position: covers all that was sent.
    """

    plan: LoadPlan
    difference: Difference
    refused: bool = False
    failed_items: int = 0
    failed_changes: int = 0
    issues: list[Issue] = field(default_factory=list)
    position: Position = field(default_factory=Position)


@final
class Loader:
    """Loads plans.

    Args:
        commands: sends commands.
        queries: reads schedules; should keep the highest position seen.
        clock: time of ids.
        randomness: for ids.
        timeout_s: deadline of each call.
    """

    def __init__(
        self,
        commands: CommandRouter,
        queries: QueryRouter,
        clock: Clock,
        randomness: Randomness,
        timeout_s: float = 30.0,
    ) -> None:
        self._commands = commands
        self._queries = queries
        self._clock = clock
        self._randomness = randomness
        self._timeout_s = timeout_s
        self._seen = Position()

    async def compare(self, plan: LoadPlan, *, strict: bool) -> LoadResult:
        """What loading would do; nothing is sent."""
        reader = self._reader(plan.schedule)
        state = await reader.state() if await reader.exists() else ScheduleState()
        found = await asyncio.to_thread(difference, plan, state)
        # Strict: neither the file nor what the schedule holds may keep anything out.
        refused = plan.refused or plan.unusable or (strict and found.rejected > 0)
        return LoadResult(plan, found, refused)

    async def carry_out(
        self, result: LoadResult, actor: str, source: str
    ) -> AsyncIterator[tuple[int, int]]:
        """Sends the steps; yields (items done, items in all) as they are acknowledged.

        Raises:
            RetryableError: the mesh did not answer in time; loading again goes on from there.
        """
        correlation = new_command_id(self._clock, self._randomness)
        metadata = metadata_pb2.Metadata(actor=actor, source=source, correlation_id=correlation)
        await self._create(result, metadata)
        steps = result.difference.steps
        total, done = sum(step.items for step in steps), 0
        elsewhere = LegsElsewhere()
        for call in _calls(steps, result.difference.phases):
            await self._carry(result, call, elsewhere, metadata)
            done += sum(step.items for step in call)
            yield done, total
        await self._wait_until_visible(result)

    async def _carry(
        self,
        result: LoadResult,
        call: Sequence[Step],
        elsewhere: LegsElsewhere,
        metadata: metadata_pb2.Metadata,
    ) -> None:
        """Sends the steps of one call; what is refused is noted, and no leg is lost by it."""
        sent: list[Step] = []
        for step in call:
            left, out = elsewhere.left_out(step)
            sent += left
            _note(result, out)
        again, refused = divided(elsewhere.note(await self._send(result, sent, metadata)))
        refused += await self._send(result, again, metadata)
        _note(result, refused)
        _note_lost(result, await self._send(result, ways_back(refused), metadata))

    async def _send(
        self, result: LoadResult, steps: Sequence[Step], metadata: metadata_pb2.Metadata
    ) -> list[RefusedStep]:
        """Sends steps; returns those that were refused.

        Raises:
            RetryableError: the mesh did not answer one in time.
        """
        if not steps:
            return []
        requests = [request_of(result.plan.schedule, step, metadata) for step in steps]
        answers = await self._commands.execute_many(requests, self._timeout_s)
        refusals: list[RefusedStep] = []
        for step, answer in zip(steps, answers, strict=True):
            if answer.HasField("response"):
                reached = Position.parse(answer.response.position)
                result.position = result.position.merged(reached)
                continue
            error = error_of(answer.error)
            if isinstance(error, RetryableError):
                raise error
            if error.reason not in _DONE_ALREADY:
                refusals.append((step, error))
        return refusals

    async def _create(self, result: LoadResult, metadata: metadata_pb2.Metadata) -> None:
        schedule = result.plan.schedule
        if await self._reader(schedule).exists():
            return
        try:
            created = await self._commands.execute(
                create_request(schedule, metadata), self._timeout_s
            )
        except Refused as refused:
            if refused.reason != "SCHEDULE_EXISTS":
                raise
            return
        result.position = result.position.merged(Position.parse(created.position))

    async def _wait_until_visible(self, result: LoadResult) -> None:
        """The report is to be true for whoever asks next."""
        self._seen = self._seen.merged(result.position)
        await self._reader(result.plan.schedule).exists()

    def _reader(self, schedule: str) -> ScheduleReader:
        return ScheduleReader(self._queries, schedule, self._seen.token(), self._timeout_s)

    def reader(self, schedule: str, min_position: str) -> ScheduleReader:
        """Reads a schedule, for an export."""
        position = Position.parse(min_position, "min_position").merged(self._seen)
        return ScheduleReader(self._queries, schedule, position.token(), self._timeout_s)


def _note(result: LoadResult, refusals: Sequence[RefusedStep]) -> None:
    for step, error in refusals:
        result.failed_items += step.items
        if step.moved or isinstance(step.command, ChangeLegTimes | ChangeAirplane):
            result.failed_changes += step.items
        kind = type(step.command).__name__
        message = f"{kind} of {step.aggregate_id} was refused: {error}"
        result.issues.append(Issue(0, 0, error.reason, message, True))


def _note_lost(result: LoadResult, refusals: Sequence[RefusedStep]) -> None:
    for step, error in refusals:
        assert isinstance(step.command, AddLegs)
        for leg in step.command.legs:
            message = (
                f"{leg.designator} is in no rotation any more: it was taken out of"
                f" {step.aggregate_id} to be moved, and cannot be put back: {error}"
            )
            result.issues.append(Issue(0, 0, LOST, message, True))


def _calls(steps: Sequence[Step], phases: Sequence[int]) -> Iterator[list[Step]]:
    """Steps in calls of bounded size; no call holds steps of two phases."""
    starts = set(phases)
    call: list[Step] = []
    items = 0
    for number, step in enumerate(steps):
        full = len(call) >= STEPS_PER_CALL or items + step.items > ITEMS_PER_CALL
        if call and (full or number in starts):
            yield call
            call, items = [], 0
        call.append(step)
        items += step.items
    if call:
        yield call


def merged_issues(result: LoadResult) -> tuple[dict[str, int], list[Issue]]:
    """Counts by rule and the first issues, of file, comparison and load together."""
    counts: dict[str, int] = dict(result.plan.issue_counts)
    for rule, count in result.difference.issue_counts.items():
        counts[rule] = counts.get(rule, 0) + count
    for issue in result.issues:
        counts[issue.rule] = counts.get(issue.rule, 0) + 1
    issues = [*result.plan.issues, *result.difference.issues, *result.issues]
    return counts, issues
