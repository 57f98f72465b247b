"""Which settings of a Cassandra node are refused, and how that is told."""

import pytest

from flightmesh.journal.cassandra_promises import broken_promises

GOOD: dict[str, str | None] = {
    "commitlog_sync": "batch",
    "paxos_variant": "v2",
    "batch_size_fail_threshold": "16MiB",
}


@pytest.mark.parametrize("limit", ["1MiB", "1024KiB", "1048576B", "2GiB"])
def test_a_node_that_keeps_all_promises_is_taken(limit: str) -> None:
    assert broken_promises({**GOOD, "batch_size_fail_threshold": limit}) == []
    assert broken_promises({**GOOD, "commitlog_sync": "group"}) == []


@pytest.mark.parametrize("limit", ["50KiB", "1048575B", "", None, "much"])
def test_a_node_that_refuses_our_batches_is_refused(limit: str | None) -> None:
    told = broken_promises({**GOOD, "batch_size_fail_threshold": limit})
    assert told == [f"batch_size_fail_threshold is {limit}, but the ledger store needs 1MiB"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(broken_promises({"commitlog_sync": "periodic"})) == 3
