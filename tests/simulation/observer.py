"""Sees every transition of ledgers, claims and the map where it takes effect: in the store."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from flightmesh.journal import Claim, ClaimChange, SegmentState
from flightmesh.journal.memory import InMemoryStore
from flightmesh.registry import Delete, Put
from flightmesh.sharding.shard_map import (
    LEADER_KEY,
    MAP_PREFIX,
    ShardAssignment,
    ShardState,
    decode_assignment,
)
from flightmesh.testing.simulation.chronicle import Chronicle

LEDGER = (
    "ledger: born", "ledger: appended", "ledger: append repeated, was in",
    "ledger: append refused", "ledger: rolled", "ledger: next segment opened",
    "ledger: sealed", "ledger: sealed before it existed", "ledger: next segment created sealed",
    "ledger: found sealed", "ledger: opening found it sealed",
)  # fmt: skip
CLAIM = (
    "claim: first taken", "claim: taken from a sealed session", "claim: taken after a release",
    "claim: taken back by its releaser", "claim: released", "claim: ledgers dropped",
    "claim: change refused",
)  # fmt: skip
MAP = (
    "map: new → unassigned", "map: unassigned → active", "map: active → moving",
    "map: moving → active", "map: active → taking over", "map: moving → taking over",
    "map: taking over → active", "map: active → active", "map: lost → active",
    "map: new leader",
)  # fmt: skip
_WORDS = {
    ShardState.UNASSIGNED: "unassigned", ShardState.ACTIVE: "active",
    ShardState.MOVING: "moving", ShardState.TAKING_OVER: "taking over",
}  # fmt: skip


class _Observed:
    """A port whose calls are seen after they took effect."""

    def __init__(self, port: Any, see: Any) -> None:
        self._port = port
        self._see = see

    def __getattr__(self, name: str) -> Any:
        real, see = getattr(self._port, name), getattr(self._see, f"_{name}", None)
        if see is None:
            setattr(self, name, real)
            return real

        async def call(*args: Any) -> Any:
            before = real(*args)
            answer = await before
            see(answer, *args)
            return answer

        setattr(self, name, call)
        return call


class Observer:
    """Counts transitions."""

    def __init__(self, chronicle: Chronicle) -> None:
        self.chronicle = chronicle
        self.memory = InMemoryStore()
        self.journal: Any = _Observed(self.memory.journal, self)
        self.claims: Any = _Observed(self.memory.claims, self)
        self.index: Any = self.memory.index
        self.snapshots: Any = _Observed(self.memory.snapshots, self)
        self._rows: dict[int, ShardAssignment] = {}
        self._ever: set[int] = set()

    def _count(self, what: str, detail: object = "") -> None:
        self.chronicle.count(what)
        if self.chronicle.tells:
            self.chronicle.tell("", f"{what} {detail}")

    # --- ledgers ------------------------------------------------------------------------------

    def _open_segment(self, answer: Any, ledger: int, segment: int, *_: Any) -> None:
        if answer.applied:
            self._count(
                "ledger: next segment opened" if segment else "ledger: born", f"{ledger}.{segment}"
            )
        elif answer.row.state is SegmentState.SEALED:
            self._count("ledger: opening found it sealed", f"{ledger}.{segment}")

    def _append(
        self, answer: Any, ledger: int, _s: int, writer: bytes, number: int, _d: Any
    ) -> None:
        if answer.applied:
            self._count("ledger: appended", f"{ledger}:{number}")
        elif answer.row is not None and (answer.row.writer, answer.row.head) == (writer, number):
            self._count("ledger: append repeated, was in", f"{ledger}:{number}")
        else:
            self._count("ledger: append refused", f"{ledger}:{number}")

    def _roll(self, answer: Any, ledger: int, segment: int, *_: Any) -> None:
        if answer.applied:
            self._count("ledger: rolled", f"{ledger}.{segment}")

    def _seal(self, answer: Any, ledger: int, segment: int, _first: int) -> None:
        if answer.applied and answer.row.writer:
            self._count("ledger: sealed", f"{ledger}.{segment} at {answer.row.head}")
        elif answer.applied:
            absent = "next segment created sealed" if segment else "sealed before it existed"
            self._count(f"ledger: {absent}", f"{ledger}.{segment}")
        elif answer.row.state is SegmentState.SEALED:
            self._count("ledger: found sealed", f"{ledger}.{segment}")

    # --- claims -------------------------------------------------------------------------------

    def _change_claims(self, applied: bool, changes: Sequence[ClaimChange]) -> None:
        if not applied:
            self._count("claim: change refused", [c.new.shard for c in changes])
            return
        for change in changes:
            self._count(f"claim: {_claim_step(change.expected, change.new)}", change.new)

    # --- snapshots ----------------------------------------------------------------------------

    def _save(self, _: Any, aggregate_id: bytes, snapshot: Any) -> None:
        self._count("snapshot: saved")

    def _load(self, answer: Any, *_: Any) -> None:
        if answer:
            self._count("snapshot: loaded")
            if any(sha256(each.data).digest() != each.checksum for each in answer):
                self._count("snapshot: broken one passed over")

    def break_snapshots(self) -> int:
        """Damages every stored snapshot; returns how many there were."""
        kept = self.memory.snapshots._kept  # type: ignore[attr-defined]
        count = 0
        for snapshots in kept.values():
            for sequence, snapshot in snapshots.items():
                data = snapshot.data[:-1] + bytes([snapshot.data[-1] ^ 1])
                snapshots[sequence] = replace(snapshot, data=data)
                count += 1
        return count

    # --- the map ------------------------------------------------------------------------------

    def see_registry(self, writes: Sequence[Put | Delete]) -> None:
        """Told of each transaction that was applied."""
        for write in writes:
            if isinstance(write, Put) and write.key.startswith(MAP_PREFIX):
                self._see_row(decode_assignment(write.value))
            elif isinstance(write, Put) and write.key == LEADER_KEY:
                self._count("map: new leader")

    def lose_map(self) -> None:
        """The registry was wiped."""
        self._rows.clear()

    def _see_row(self, row: ShardAssignment) -> None:
        before = self._rows.get(row.shard)
        self._rows[row.shard] = row
        was = _WORDS[before.state] if before else "lost" if row.shard in self._ever else "new"
        self._ever.add(row.shard)
        if before != row:
            self._count(f"map: {was} → {_WORDS[row.state]}", row)


def _claim_step(before: Claim | None, new: Claim) -> str:
    if before is None:
        return "first taken"
    if new.released and not before.released:
        return "released"
    if new.generation == before.generation:
        return "ledgers dropped"
    if before.released:
        same = new.holder == before.holder
        return "taken back by its releaser" if same else "taken after a release"
    return "taken from a sealed session" if new.holder != before.holder else "taken again"
