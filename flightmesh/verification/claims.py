"""Checks of claims against the ledgers: whose shards are they, and who may still write? Pure."""

from collections.abc import Iterator, Mapping, Sequence

from flightmesh.ids import shard_of
from flightmesh.journal import Claim
from flightmesh.verification import Violation, violation
from flightmesh.verification.contents import LedgerContents
from flightmesh.verification.facts import JournalFacts

ShardsOfLedgers = Mapping[int, frozenset[int]]

CLAIMS = "CLAIMS"
SEALED = "SEALED"


def check_claims(
    claims: Mapping[int, Claim],
    ledgers: Sequence[LedgerContents],
    facts: JournalFacts,
    shards_of_ledgers: ShardsOfLedgers,
) -> Iterator[Violation]:
    """Rules 1 and 15: each claim names ledgers that exist, and all that its shard needs.

    Args:
        claims: who owns each shard.
        ledgers: all ledgers, as they were after the claims were read.
        facts: what the ledgers hold.
        shards_of_ledgers: ledger → shards whose records were in it before the claims were read.
    """
    known = {contents.ledger: contents for contents in ledgers}
    for shard, claim in sorted(claims.items()):
        yield from _check_claim(claim, known)
        yield from _check_unlisted(shard, claim, known, shards_of_ledgers)
    with_records = {shard for shards in shards_of_ledgers.values() for shard in shards}
    for shard in sorted(with_records - claims.keys()):
        yield violation(CLAIMS, "a shard has records but was never claimed", shard=shard)
    yield from _check_shards(claims, facts)


def _check_claim(claim: Claim, known: Mapping[int, LedgerContents]) -> Iterator[Violation]:
    evidence = {"shard": claim.shard, "holder": claim.holder, "generation": claim.generation}
    listed = " ".join(map(str, claim.ledgers))
    if claim.generation < 1:
        yield violation(CLAIMS, "a claim has no generation", **evidence)
    if claim.holder not in known:
        yield violation(CLAIMS, "the holder of a shard has no ledger", **evidence)
    if claim.holder not in claim.ledgers:
        what = "a claim does not list its holder's ledger"
        yield violation(CLAIMS, what, listed=listed, **evidence)
    if list(claim.ledgers) != sorted(set(claim.ledgers)):
        yield violation(CLAIMS, "a claim's ledgers are not in order", listed=listed, **evidence)
    for ledger in claim.ledgers:
        if ledger not in known:
            what = "a claim lists a ledger that does not exist"
            yield violation(CLAIMS, what, ledger=ledger, **evidence)


def _check_unlisted(
    shard: int,
    claim: Claim,
    known: Mapping[int, LedgerContents],
    shards_of_ledgers: ShardsOfLedgers,
) -> Iterator[Violation]:
    """A ledger that left a claim's list was sealed before."""
    for ledger, shards in sorted(shards_of_ledgers.items()):
        if shard in shards and ledger not in claim.ledgers and not known[ledger].sealed:
            what = "an open ledger with a shard's records is not in the shard's claim"
            yield violation(CLAIMS, what, shard=shard, ledger=ledger, holder=claim.holder)


def _check_shards(claims: Mapping[int, Claim], facts: JournalFacts) -> Iterator[Violation]:
    """Every aggregate is in its shard, where the claims tell how many shards there are."""
    count = len(claims)
    if not count or count & (count - 1) or set(claims) != set(range(count)):
        return  # not every shard has been claimed yet
    for shard, aggregates in facts.shards.items():
        for aggregate_id in aggregates:
            if shard_of(aggregate_id, count) != shard:
                yield violation(
                    "I4",
                    "an aggregate is in another shard than its id says",
                    aggregate_id=aggregate_id,
                    shard=shard,
                    expected=shard_of(aggregate_id, count),
                )


def check_sealed(
    claims: Mapping[int, Claim],
    ledgers: Sequence[LedgerContents],
    serving: frozenset[int] | None = None,
) -> Iterator[Violation]:
    """Tells of ledgers that could still be written to although nobody has a use for that.

    No data are at risk: such a session cannot acknowledge anything for a shard that it does not
    hold.

    Args:
        claims: who owns each shard.
        ledgers: all ledgers.
        serving: sessions that are registered; None where nobody knows, and then a live session that
            holds nothing yet looks like one that has ended.
    """
    holders = {claim.holder for claim in claims.values() if not claim.released}
    newest = {contents.node: contents.ledger for contents in ledgers if contents.node}
    for contents in ledgers:
        if contents.sealed:
            continue
        ledger = contents.ledger
        if newest.get(contents.node, ledger) > ledger and ledger not in holders:
            what = "an open ledger of a superseded session"
        elif serving is not None and ledger not in serving:
            what = "an open ledger of a session that is not registered"
        elif serving is None and ledger not in holders:
            what = "an open ledger of a session that holds no shard"
        else:
            continue
        yield violation(SEALED, what, ledger=ledger, node=contents.node)
