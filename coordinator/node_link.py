"""The leader's link to one session of a shard node: listens, assigns, asks for release.

At most one question of each kind is under way; what is to be asked is said again with every step,
so a lost answer is asked for again (rule 8).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, cast, final

from coordinator.node_client import AssignAnswer, Heartbeat, ShardNodeClient
from coordinator.turns import Turns
from flightmesh.clock import Clock
from flightmesh.errors import FlightmeshError, RetryableError, SessionFenced
from flightmesh.runtime.logs import fields
from flightmesh.runtime.tasks import TaskOwner

_log = logging.getLogger(__name__)

_RECONNECT_S = 0.1
_ASK_AGAIN_S = 0.1


@final
class NodeLink:
    """Link to one session.

    Args:
        session: the session.
        client: the node.
        clock: time.
        tasks: owns what is under way.
        turns: taken for questions that make the node write claims.
        timeout_s: deadline of a call.
        on_news: called after each change of what is public here.

    Attributes:
        session: the session.
        gone: the node says that this session is over.
        confirmed: shard → epoch of the shards that the node has said to own.
        confirmed_s: shard → when it said so.
    """

    def __init__(
        self,
        session: int,
        client: ShardNodeClient,
        *,
        clock: Clock,
        tasks: TaskOwner,
        turns: Turns,
        timeout_s: float,
        on_news: Callable[[], None],
    ) -> None:
        self.session = session
        self.gone = False
        self.confirmed: dict[int, int] = {}
        self.confirmed_s: dict[int, float] = {}
        self.commands = 0
        self._client = client
        self._clock = clock
        self._tasks = tasks
        self._turns = turns
        self._timeout_s = timeout_s
        self._on_news = on_news
        self._assigning = False
        self._releasing = False
        self._listening: asyncio.Task[None] | None = None

    def listen(self, heard: Callable[[], None], broken: Callable[[], None]) -> None:
        """Begins to listen for signs of life; connects again when broken, until closed."""
        self._listening = self._tasks.start(self._listen(heard, broken), f"listen-{self.session}")

    def close(self) -> None:
        """Stops listening."""
        if self._listening is not None:
            self._listening.cancel()

    async def _listen(self, heard: Callable[[], None], broken: Callable[[], None]) -> None:
        while not self.gone:
            try:
                beats = self._client.heartbeats()
                async with aclosing(cast(Any, beats)):
                    async for beat in beats:
                        if beat.session != self.session:
                            self._is_gone()
                            return
                        heard()
                        self._take_beat(beat)
            except FlightmeshError:
                pass  # broken: told below, like an end of the stream
            broken()
            self._on_news()
            await self._clock.sleep(_RECONNECT_S)

    def assign(
        self,
        shards: Mapping[int, int],
        on_answer: Callable[[Mapping[int, int], AssignAnswer], None],
    ) -> None:
        """Gives shards, unless an assignment is under way."""
        if shards and not self._assigning:
            self._assigning = True
            self._tasks.start(self._assign(dict(shards), on_answer), f"assign-{self.session}")

    def release(
        self, shards: Mapping[int, int], on_answer: Callable[[Mapping[int, int]], None]
    ) -> None:
        """Asks for shards back, unless a release is under way."""
        if shards and not self._releasing:
            self._releasing = True
            self._tasks.start(self._release(dict(shards), on_answer), f"release-{self.session}")

    async def _assign(
        self,
        shards: Mapping[int, int],
        on_answer: Callable[[Mapping[int, int], AssignAnswer], None],
    ) -> None:
        try:
            async with self._turns.turn():
                answer = await self._client.assign(self.session, shards, self._timeout_s)
            self._confirm(answer.owned)
            on_answer(shards, answer)
            if any(self.confirmed.get(shard) != epoch for shard, epoch in shards.items()):
                await self._clock.sleep(_ASK_AGAIN_S)
        except FlightmeshError as error:
            await self._after_error(error)
        finally:
            self._assigning = False
            self._on_news()

    async def _release(
        self, shards: Mapping[int, int], on_answer: Callable[[Mapping[int, int]], None]
    ) -> None:
        try:
            async with self._turns.turn():
                released = await self._client.release(self.session, shards, self._timeout_s)
            for shard in released:
                self.confirmed.pop(shard, None)
            on_answer(released)
            if len(released) < len(shards):
                await self._clock.sleep(_ASK_AGAIN_S)
        except FlightmeshError as error:
            await self._after_error(error)
        finally:
            self._releasing = False
            self._on_news()

    async def _after_error(self, error: FlightmeshError) -> None:
        # A refusal of the session itself is no release (rule 5): the session has to be sealed.
        if isinstance(error, SessionFenced) or error.reason == "SESSION_MISMATCH":
            self._is_gone()
            return
        if not isinstance(error, RetryableError):
            named = fields(session=self.session)
            _log.error("session refuses the leader's question: %s", error, extra=named)
        await self._clock.sleep(_ASK_AGAIN_S)

    def _is_gone(self) -> None:
        self.gone = True
        self._on_news()

    def _confirm(self, owned: Mapping[int, int]) -> None:
        now_s = self._clock.monotonic_s()
        self.confirmed.update(owned)
        self.confirmed_s.update(dict.fromkeys(owned, now_s))

    def _take_beat(self, beat: Heartbeat) -> None:
        self.commands = beat.commands
        now_s = self._clock.monotonic_s()
        # A beat may be older than an answer that overtook it: only what was confirmed well before
        # it, and is not in it, is owned no more.
        lost = [
            shard
            for shard in self.confirmed
            if shard not in beat.owned and self.confirmed_s[shard] < now_s - 2 * self._timeout_s
        ]
        for shard in lost:
            del self.confirmed[shard]
        if lost:
            self._on_news()
