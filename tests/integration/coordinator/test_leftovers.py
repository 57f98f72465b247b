"""Ledgers that nobody will ever write again are sealed, so that positions stay short (rule 24)."""

import pytest

from coordinator.sessions import LEFT_FOR_GOOD_S
from flightmesh.journal import DirectoryRow, SegmentState
from tests.integration.coordinator.conftest import Mesh

LONG_S = LEFT_FOR_GOOD_S + 30.0


async def sealed(mesh: Mesh, ledger: int) -> bool:
    row = await mesh.journal.read_segment(ledger, 0)
    return row is not None and row.state is SegmentState.SEALED


async def test_the_ledger_of_a_node_that_left_for_good_is_sealed(mesh: Mesh) -> None:
    first, second = await mesh.node("a"), await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(10)
    await coordinator.drain_node("b")
    while second.owned:
        await mesh.clock.advance(0.5)
    await second.leave()
    await mesh.clock.advance(20)
    assert not await sealed(mesh, second.session)
    await mesh.clock.advance(LONG_S)
    assert await sealed(mesh, second.session)
    assert not await sealed(mesh, first.session)
    assert await mesh.serves()


async def test_a_registered_session_without_shards_is_left_alone(mesh: Mesh) -> None:
    await mesh.node("a")
    idle = await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(10)
    await coordinator.drain_node("b")
    await mesh.clock.advance(2 * LONG_S)
    assert not idle.owned
    assert not await sealed(mesh, idle.session)


async def test_the_names_of_old_ledgers_stay_in_the_directory(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store may take the last row for good: Cassandra does."""
    put: list[int] = []
    add_to_directory = mesh.journal.add_to_directory

    async def add(row: DirectoryRow) -> None:
        put.append(row.ledger)
        await add_to_directory(row)

    old = await mesh.node("a")
    await old.leave()
    await mesh.node("b")
    monkeypatch.setattr(mesh.journal, "add_to_directory", add)
    await mesh.coordinator()
    await mesh.until_served(10)
    await mesh.clock.advance(LONG_S)
    assert await sealed(mesh, old.session)
    assert put == []


async def test_a_session_number_that_was_lost_becomes_a_sealed_empty_ledger(mesh: Mesh) -> None:
    """Its answer was lost, or its process died: readers would wait for its birth for ever."""
    lost = await mesh.journal.allocate_session()
    await mesh.node("a")
    await mesh.coordinator()
    await mesh.until_served(10)
    assert lost not in [row.ledger for row in await mesh.journal.list_directory()]
    await mesh.clock.advance(LONG_S)
    assert lost in [row.ledger for row in await mesh.journal.list_directory()]
    assert await sealed(mesh, lost)
    # Rule 3: a birth that was only slow finds it sealed, and begins again under another number.
    answer = await mesh.journal.open_segment(lost, 0, b"w", 0)
    assert answer.row is not None
    assert answer.row.state is SegmentState.SEALED
    assert await mesh.serves()
