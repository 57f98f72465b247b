"""State of scope aggregates (schedules) for commands on other shards: asked, and cached shortly.

A positive answer is trusted for TRUSTED_S from the moment its question was sent, so a deletion is
known on every node within that time (SPEC D5); from REFRESH_S on a new answer is fetched in the
background, so commands on a busy scope do not wait. While the owner cannot be reached, the last
positive answer is kept up to UNREACHABLE_S: commands go on over a fail-over of the scope's shard,
and nothing can be deleted there meanwhile. A negative answer counts only for commands that arrived
before its question was sent.

A scope that has ended may begin again. What belongs to its new life must not be decided on an
answer of the old one, so its owner waits REOPEN_AFTER_S between an end and a new beginning: by
then no answer of before is trusted to begin anything (`firm`). An answer is at most CONFIRMED_S
older than the moment it was given, see `Session.scope_cell`. Only monotonic clocks are compared,
each with itself; ADR 23.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, final

from flightmesh.clock import Clock
from flightmesh.errors import FlightmeshError
from flightmesh.runtime.tasks import TaskOwner

TRUSTED_S: Final = 1.0
REFRESH_S: Final = 0.5
UNREACHABLE_S: Final = 10.0
# An owner answers only if its ledger was seen unsealed within this time.
CONFIRMED_S: Final = 1.5
# TRUSTED_S + CONFIRMED_S, and something for clocks that do not run alike.
REOPEN_AFTER_S: Final = 3.0
# A refresh fails before the answer it refreshes is too old, so that nobody waits for it.
REFRESH_TIMEOUT_S: Final = 0.4
FIRST_TIMEOUT_S: Final = 5.0
MAX_SCOPES: Final = 10_000

# State, when the question was sent, what went wrong.
_Reply = tuple[Any, float, FlightmeshError | None]


class _Answer:
    """What is known of one scope.

    Attributes:
        state: its last positive state; None if there is none.
        asked_at_s: when the question of that state was sent.
        unreachable: whether the last question failed since.
        asking: the question under way.
    """

    __slots__ = ("asked_at_s", "asking", "state", "unreachable")

    def __init__(self) -> None:
        self.state: Any = None
        self.asked_at_s = 0.0
        self.unreachable = False
        self.asking: asyncio.Task[_Reply] | None = None


@final
class ScopeDirectory:
    """What one session knows of the states of scopes owned elsewhere.

    Args:
        ask: asks the owner for the committed state of a scope, with the seconds it may take;
            raises FlightmeshError.
        exists: whether a state is positive.
        clock: for ages.
        tasks: owns the questions.
    """

    def __init__(
        self,
        ask: Callable[[str, float], Awaitable[Any]],
        exists: Callable[[Any], bool],
        clock: Clock,
        tasks: TaskOwner,
    ) -> None:
        self._ask = ask
        self._exists = exists
        self._clock = clock
        self._tasks = tasks
        self._answers: dict[str, _Answer] = {}

    def now(self, scope: str, now_s: float, *, firm: bool) -> Any:
        """The scope's state if a positive one is known; None means `find` must be awaited.

        Args:
            scope: the scope.
            now_s: monotonic time.
            firm: no answer will do that is kept only because the owner cannot be reached.
        """
        answer = self._answers.get(scope)
        if answer is None or answer.state is None:
            return None
        age_s = now_s - answer.asked_at_s
        if age_s >= REFRESH_S:
            if age_s > (UNREACHABLE_S if answer.unreachable and not firm else TRUSTED_S):
                return None
            if answer.asking is None:
                self._question(scope, answer)
        return answer.state

    async def find(self, scope: str, arrived_s: float, *, firm: bool) -> Any:
        """The scope's state for a command that arrived at that monotonic time.

        Raises:
            FlightmeshError: the owner cannot be reached and no answer is young enough.
        """
        answer = self._answers.get(scope)
        if answer is None:
            if len(self._answers) >= MAX_SCOPES:
                self._answers.clear()
            answer = self._answers[scope] = _Answer()
        while True:
            # A question under way counts if its answer turns out positive; see the module's text.
            question = answer.asking or self._question(scope, answer)
            # Shielded: others wait for the same question.
            state, asked_at_s, error = await asyncio.shield(question)
            now_s = self._clock.monotonic_s()
            if error is not None:
                state = self.now(scope, now_s, firm=firm)
                if state is None:
                    raise error
                return state
            is_young = not firm or now_s - asked_at_s <= TRUSTED_S
            if asked_at_s >= arrived_s or (is_young and self._exists(state)):
                return state

    def forget(self, scope: str) -> None:
        """Drops what is known of a scope: this node has just committed an event of it."""
        answer = self._answers.get(scope)
        if answer is not None:
            answer.state = None

    def _question(self, scope: str, answer: _Answer) -> "asyncio.Task[_Reply]":
        answer.asking = self._tasks.start(self._fetch(scope, answer), "scope")
        return answer.asking

    async def _fetch(self, scope: str, answer: _Answer) -> _Reply:
        asked_at_s = self._clock.monotonic_s()
        timeout_s = FIRST_TIMEOUT_S if answer.state is None else REFRESH_TIMEOUT_S
        try:
            state = await self._ask(scope, timeout_s)
        except FlightmeshError as error:
            # Not raised: in the background nobody waits for it.
            answer.unreachable = True
            return None, asked_at_s, error
        finally:
            answer.asking = None
        answer.unreachable = False
        answer.state = state if self._exists(state) else None
        answer.asked_at_s = asked_at_s
        return state, asked_at_s, None
