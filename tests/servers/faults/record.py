"""What the load was told, written down: the history for the checker, and figures for people."""

import re
import time
from collections import Counter
from dataclasses import dataclass, field

from clients.results import CommandResult
from flightmesh.api.shard.v1.command_service_pb2 import EVENT_VIEW_FULL, ExecuteRequest
from flightmesh.codec.commands import address_of, envelope_of
from flightmesh.errors import FlightmeshError, InvalidInput, Refused
from flightmesh.ids import CommandId
from flightmesh.testing.history import History
from tests.servers.faults.pace import CATCH_UP_S

# What a status without details becomes: nobody said what happened to the command.
UNTOLD = {"DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNKNOWN", "CANCELLED"}
# Until then a load makes up for it; beyond, it leaves requests out.
_STALL_US = int(CATCH_UP_S * 1_000_000)


def now_us() -> int:
    return time.monotonic_ns() // 1_000


@dataclass(frozen=True)
class Failure:
    """A request that got no answer in time, or an answer that is none."""

    at_us: int
    way: str
    reason: str
    message: str


@dataclass(frozen=True)
class Result:
    """An acknowledgement; `events` is None where they were not told."""

    sequence: int
    position: str
    events: list[str] | None = None

    @classmethod
    def of(cls, result: CommandResult, request: ExecuteRequest) -> "Result":
        told = request.event_view == EVENT_VIEW_FULL
        events = [event.SerializeToString(deterministic=True).hex() for event in result.events]
        return cls(result.sequence, result.position, events if told else None)


@dataclass
class Record:
    """History and figures of one load.

    Attributes:
        history: for the checker.
        failures: requests without a proper answer.
        untold: by command id: commands whose outcome nobody was told.
        wrong: answers that cannot be right, found without the ledgers.
        acknowledged: commands.
        refused: commands.
        queries: answered queries.
        last_us: by aggregate: when it last acknowledged a command.
        gap_us: longest time without any acknowledgement.
        slowest_us: longest time that one command's acknowledgement took.
        stalled_us: longest time that the load itself did not get to run.
        left_out: requests that it could not make up for after such a time.
    """

    history: History = field(default_factory=History)
    failures: list[Failure] = field(default_factory=list)
    untold: dict[str, ExecuteRequest] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    acknowledged: int = 0
    refused: int = 0
    queries: int = 0
    last_us: dict[str, int] = field(default_factory=dict)
    gap_us: int = 0
    slowest_us: int = 0
    stalled_us: int = 0
    left_out: int = 0
    _latest_us: int = 0
    _asked_us: dict[int, int] = field(default_factory=dict)

    def ask(self, way: str, request: ExecuteRequest) -> int:
        """Notes that a command is sent."""
        aggregate = address_of(request, lambda: CommandId(request.command_id))
        command = envelope_of(request, aggregate)
        asked_us = now_us()
        operation = self.history.ask_command(
            way,
            asked_us,
            request.command_id,
            aggregate,
            body_hash=command.body_hash,
            expected_sequence=command.expected_sequence,
        )
        self._asked_us[operation] = asked_us
        return operation

    def acknowledge(self, operation: int, request: ExecuteRequest, result: Result) -> None:
        """Notes an acknowledgement."""
        told_us = now_us()
        self.history.acknowledge(
            operation,
            told_us,
            sequence=result.sequence,
            position=result.position,
            events=result.events,
        )
        self.acknowledged += 1
        self.last_us[request.aggregate_id] = told_us
        self._settle(request)
        self.slowest_us = max(self.slowest_us, told_us - self._asked_us.pop(operation))
        if self._latest_us:
            self.gap_us = max(self.gap_us, told_us - self._latest_us)
        self._latest_us = told_us

    def fail(
        self, way: str, operation: int, request: ExecuteRequest, error: FlightmeshError
    ) -> None:
        """Notes a refusal, or that nobody told what became of the command."""
        if isinstance(error, InvalidInput):
            self.history.turn_away(operation, now_us(), str(error))
            self.wrong.append(f"{way}: a proper command was turned away: {error}")
        elif isinstance(error, Refused) and error.reason not in UNTOLD:
            self.history.refuse(operation, now_us(), error.reason)
            self.refused += 1
            self._settle(request)
        else:
            self.history.lose(operation, now_us(), error.reason)
            self.untold.setdefault(request.command_id, request)
            self._note(way, error)

    def ask_query(self, way: str, query: str, floor: str, schedule: str) -> int:
        """Notes that a query is sent."""
        return self.history.ask_query(way, now_us(), query, floor, schedule)

    def answer(self, operation: int, position: str, rows: dict[str, str] | None = None) -> None:
        """Notes a query's answer."""
        self.history.answer(operation, now_us(), position, rows)
        self.queries += 1

    def fail_query(self, way: str, operation: int, error: FlightmeshError) -> None:
        """Notes that a query was not answered."""
        self.history.lose(operation, now_us(), error.reason)
        self._note(way, error)

    def _note(self, way: str, error: FlightmeshError) -> None:
        self.failures.append(Failure(now_us(), way, error.reason, error.message))

    def summary(self) -> str:
        """One line for people."""
        reasons = Counter(f"{failure.way} {failure.reason}" for failure in self.failures)
        which = f" ({', '.join(f'{n} {each}' for each, n in sorted(reasons.items()))})"
        return (
            f"{self.acknowledged:,} acknowledged, {self.refused:,} refused,"
            f" {self.queries:,} queries answered,"
            f" {len(self.failures):,} unavailable{which if reasons else ''},"
            f" longest gap {self.gap_us / 1e6:.2f} s,"
            f" slowest command {self.slowest_us / 1e6:.2f} s,"
            f" load itself stalled {self.stalled_us / 1e6:.2f} s at most,"
            f" left {self.left_out:,} requests out"
        )

    def expect_no_failure(self) -> None:
        """Fails if any request was without a proper answer.

        A machine that keeps the load itself waiting for seconds keeps the mesh waiting as well: on
        such a one availability is not judged (what is checked of the data always is).
        """
        if self.stalled_us > _STALL_US:
            print(
                f"availability not judged: the load stood still for {self.stalled_us / 1e6:.1f} s"
            )
            return
        assert not self.failures, f"{len(self.failures)} requests failed:\n{self.reasons()}"

    def reasons(self, count: int = 8) -> str:
        """The commonest failures, one per line, digits left out."""
        texts = Counter(
            f"{failure.way}: {re.sub(r'[0-9]+', '#', failure.message)[:200]}"
            for failure in self.failures
        )
        return "\n".join(f"  {times:6,} {text}" for text, times in texts.most_common(count))

    def _settle(self, request: ExecuteRequest) -> None:
        waiting = self.untold.get(request.command_id)
        if waiting is request:
            del self.untold[request.command_id]
