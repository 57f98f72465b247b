"""Which sessions are to be suspected. Pure: told what was heard and when, asked who is missing.

Suspecting a live node is safe, since its ledger is sealed before its shards are given away; it only
costs that node a new session. So a broken connection is a suspicion at once, and silence one soon.
Against needless ones: a process that goes on after it was suspected is given more time, the more
often the more; one that was started anew is not, since its end was no mistake. A leader that misses
most nodes thinks of itself first; and a pause of this very process is not taken for silence.
"""

from dataclasses import dataclass
from typing import final

_FORGET_SUSPICIONS_S = 60.0
# Short, since shards wait meanwhile: those of a node that is cut off again and again are to serve
# elsewhere within 5 s each time.
_FIRST_PATIENCE_S = 0.25
_LONGEST_PATIENCE_S = 1.0


@dataclass(slots=True)
class _Watched:
    process: int
    since_s: float
    heard_s: float | None = None
    broken_s: float | None = None


@final
class FailureDetector:
    """Judges sessions by their signs of life.

    Args:
        silence_s: silence after which a session counts as missing.
        connect_grace_s: time until its first sign of life.
        isolation_patience_s: further wait while most sessions are missing.
    """

    def __init__(
        self, silence_s: float, connect_grace_s: float, isolation_patience_s: float
    ) -> None:
        self._silence_s = silence_s
        self._connect_grace_s = connect_grace_s
        self._isolation_patience_s = isolation_patience_s
        self._watched: dict[int, _Watched] = {}
        self._suspicions: dict[int, list[float]] = {}
        self._looked_s: float | None = None

    def watch(self, session: int, process: int, now_s: float) -> None:
        """Begins to expect signs of life of a session. Idempotent.

        Args:
            session: the session.
            process: first session of its process.
            now_s: the time.
        """
        self._watched.setdefault(session, _Watched(process, now_s))

    def forget(self, session: int) -> None:
        """Expects nothing of the session any more. Idempotent."""
        self._watched.pop(session, None)

    def heard(self, session: int, now_s: float) -> None:
        """A sign of life came."""
        watched = self._watched.get(session)
        if watched is not None:
            watched.heard_s, watched.broken_s = now_s, None

    def broken(self, session: int, now_s: float) -> None:
        """The connection to the session broke, or could not be made."""
        watched = self._watched.get(session)
        # Before the first sign of life the grace counts: the node may still be starting.
        if watched is not None and watched.heard_s is not None and watched.broken_s is None:
            watched.broken_s = now_s

    def alive(self, session: int, now_s: float) -> bool:
        """Whether the session has been heard of late and its connection stands."""
        watched = self._watched.get(session)
        if watched is None or watched.heard_s is None or watched.broken_s is not None:
            return False
        return now_s - watched.heard_s <= self._silence_s

    def look(self, now_s: float, tick_s: float) -> None:
        """Called about every tick_s: what is beyond that was this process's own pause, no silence.

        Small pauses count too: a busy process hears signs of life late that were given in time.
        """
        pause_s = 0.0 if self._looked_s is None else now_s - self._looked_s - tick_s
        if pause_s > 0:
            for watched in self._watched.values():
                watched.since_s = min(now_s, watched.since_s + pause_s)
                if watched.heard_s is not None:
                    watched.heard_s = min(now_s, watched.heard_s + pause_s)
        self._looked_s = now_s

    def suspects(self, now_s: float) -> set[int]:
        """The sessions to be fenced now."""
        missing = {
            session: since_s
            for session, watched in self._watched.items()
            if (since_s := self._missing_since(watched)) <= now_s
        }
        # Most are missing: more likely this leader is cut off than they are all dead.
        most = missing and 2 * len(missing) > len(self._watched)
        if most and max(missing.values()) + self._isolation_patience_s > now_s:
            return set()
        return {
            session
            for session, since_s in missing.items()
            if since_s + self._patience_s(self._watched[session].process, now_s) <= now_s
        }

    def why(self, session: int) -> str:
        """What speaks against a session, for people."""
        watched = self._watched.get(session)
        if watched is None or watched.heard_s is None:
            return "it has never given a sign of life"
        return "it is silent" if watched.broken_s is None else "its connection broke"

    def suspected(self, session: int, now_s: float) -> None:
        """The session is being fenced; remembered against its process."""
        watched = self._watched.pop(session, None)
        for process in [p for p, at in self._suspicions.items() if _is_old(at[-1], now_s)]:
            del self._suspicions[process]
        if watched is not None:
            self._suspicions.setdefault(watched.process, []).append(now_s)

    def _missing_since(self, watched: _Watched) -> float:
        if watched.heard_s is None:
            return watched.since_s + self._connect_grace_s
        silent_s = watched.heard_s + self._silence_s
        # A connection may break long after it fell silent: that does not begin the wait anew.
        return silent_s if watched.broken_s is None else min(watched.broken_s, silent_s)

    def _patience_s(self, process: int, now_s: float) -> float:
        suspicions = self._suspicions.get(process, ())
        recent = sum(not _is_old(at, now_s) for at in suspicions)
        if not recent:
            return 0.0
        return min(_LONGEST_PATIENCE_S, _FIRST_PATIENCE_S * (1 << min(recent - 1, 8)))


def _is_old(suspicion_s: float, now_s: float) -> bool:
    return now_s - suspicion_s >= _FORGET_SUSPICIONS_S
