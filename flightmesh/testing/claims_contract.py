"""What every `Claims` must do: claims change one way, together or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from flightmesh.errors import ProtocolViolation
from flightmesh.journal import Claim, ClaimChange, Claims


def first_claim(shard: int, holder: int) -> ClaimChange:
    """The change by which a session takes a shard that nobody ever had."""
    return ClaimChange(None, Claim(shard, holder, 1, released=False, ledgers=(holder,)))


class ClaimsFixture:
    """The hook and the fixture that the suites of claims share."""

    def create_claims(self, directory: Path) -> AbstractAsyncContextManager[Claims]:
        """Claims that keep their data, if anywhere, in that directory; closed on exit."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def claims(self, tmp_path: Path) -> AsyncIterator[Claims]:
        """No claims."""
        async with self.create_claims(tmp_path) as claims:
            yield claims


class ClaimsContract(ClaimsFixture):
    """Rule 1; the cases of Temporal's shard suite (T) and of leases (S4)."""

    async def test_there_are_no_claims_at_first(self, claims: Claims) -> None:
        """T "get shard that does not exist"."""
        assert await claims.read_claims() == {}

    async def test_a_shard_is_claimed_once(self, claims: Claims) -> None:
        """T "create shard", S4 "no start before acquired": the second is refused."""
        assert await claims.change_claims([first_claim(3, 71)])
        assert not await claims.change_claims([first_claim(3, 72)])
        assert await claims.read_claims() == {3: Claim(3, 71, 1, False, (71,))}

    async def test_a_claim_moves_from_what_it_is(self, claims: Claims) -> None:
        """T "update shard"."""
        await claims.change_claims([first_claim(3, 71)])
        old = Claim(3, 71, 1, False, (71,))
        new = Claim(3, 74, 2, False, (71, 74))
        assert await claims.change_claims([ClaimChange(old, new)])
        assert await claims.read_claims() == {3: new}

    @pytest.mark.parametrize(
        "wrong",
        [
            Claim(3, 70, 1, False, (71,)),
            Claim(3, 71, 2, False, (71,)),
            Claim(3, 71, 1, True, (71,)),
            Claim(3, 71, 1, False, (70, 71)),
            Claim(3, 71, 1, False, ()),
            None,
        ],
    )
    async def test_every_field_counts_in_the_comparison(
        self, claims: Claims, wrong: Claim | None
    ) -> None:
        """T "update shard: ownership lost", one kind of conflict each."""
        await claims.change_claims([first_claim(3, 71)])
        before = await claims.read_claims()
        new = Claim(3, 74, 2, False, (71, 74))
        assert not await claims.change_claims([ClaimChange(wrong, new)])
        assert await claims.read_claims() == before

    async def test_a_claim_that_is_not_there_cannot_be_moved(self, claims: Claims) -> None:
        """T "update shard that does not exist"."""
        old = Claim(3, 71, 1, False, (71,))
        assert not await claims.change_claims([ClaimChange(old, replace(old, holder=72))])
        assert await claims.read_claims() == {}

    async def test_many_claims_change_together(self, claims: Claims) -> None:
        """Rule 1: claims of many shards move in one batch."""
        assert await claims.change_claims([first_claim(shard, 71) for shard in range(64)])
        assert sorted(await claims.read_claims()) == list(range(64))

    async def test_one_conflict_stops_the_whole_batch(self, claims: Claims) -> None:
        """Rule 1: all or none."""
        await claims.change_claims([first_claim(5, 70)])
        assert not await claims.change_claims([first_claim(shard, 71) for shard in range(10)])
        assert await claims.read_claims() == {5: Claim(5, 70, 1, False, (70,))}

    async def test_an_empty_batch_is_applied(self, claims: Claims) -> None:
        """Nothing to compare, nothing to change."""
        assert await claims.change_claims([])

    async def test_a_repeated_change_changes_nothing(self, claims: Claims) -> None:
        """Rule 1: an unknown outcome is resolved by reading the claims."""
        change = first_claim(3, 71)
        assert await claims.change_claims([change])
        assert not await claims.change_claims([change])
        assert (await claims.read_claims())[3] == change.new

    async def test_a_release_mark_can_be_set_and_seen(self, claims: Claims) -> None:
        """Rule 1: allowed to claim once the holder has marked the row released."""
        await claims.change_claims([first_claim(3, 71)])
        held = (await claims.read_claims())[3]
        assert await claims.change_claims([ClaimChange(held, replace(held, released=True))])
        assert (await claims.read_claims())[3].released

    async def test_a_list_of_no_ledgers_is_kept(self, claims: Claims) -> None:
        """Rule 15: the list may have become empty for a released shard."""
        claim = Claim(3, 71, 1, True, ())
        assert await claims.change_claims([ClaimChange(None, claim)])
        assert (await claims.read_claims())[3] == claim

    async def test_ledgers_can_leave_the_list(self, claims: Claims) -> None:
        """Rule 15: a ledger that is wholly indexed leaves."""
        claim = Claim(3, 74, 2, False, (70, 71, 74))
        await claims.change_claims([ClaimChange(None, claim)])
        trimmed = replace(claim, ledgers=(74,))
        assert await claims.change_claims([ClaimChange(claim, trimmed)])
        assert (await claims.read_claims())[3] == trimmed

    async def test_of_sessions_that_race_one_gets_the_shard(self, claims: Claims) -> None:
        """I1 by rule 1; T "concurrent acquire"."""
        tries = [claims.change_claims([first_claim(3, holder)]) for holder in range(1, 21)]
        answers = await asyncio.gather(*tries)
        assert sum(answers) == 1
        assert (await claims.read_claims())[3].holder == answers.index(True) + 1

    async def test_overlapping_batches_never_mix(self, claims: Claims) -> None:
        """Rule 1: of two batches with a shard in common only one is in, and it is whole."""
        batches = [
            [first_claim(shard, holder) for shard in range(start, start + 6)]
            for holder, start in ((71, 0), (72, 5), (73, 3))
        ]
        answers = await asyncio.gather(*(claims.change_claims(batch) for batch in batches))
        held = await claims.read_claims()
        for batch, applied in zip(batches, answers, strict=True):
            of_this = [held.get(change.new.shard) == change.new for change in batch]
            assert all(of_this) if applied else not any(of_this)
        assert any(answers)

    async def test_one_shard_twice_in_a_batch_is_refused(self, claims: Claims) -> None:
        """A set of changes has no order."""
        with pytest.raises(ProtocolViolation):
            await claims.change_claims([first_claim(3, 71), first_claim(3, 72)])
        assert await claims.read_claims() == {}


class ClaimsRestartContract(ClaimsFixture):
    """Closing and opening again on the same directory."""

    async def test_claims_survive_a_restart(self, tmp_path: Path) -> None:
        """T "get shard" after a restart."""
        changes = [first_claim(shard, 71) for shard in range(8)]
        async with self.create_claims(tmp_path) as claims:
            await claims.change_claims(changes)
        async with self.create_claims(tmp_path) as claims:
            assert await claims.read_claims() == {c.new.shard: c.new for c in changes}
