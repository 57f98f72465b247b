"""The doctor's look at a mesh of separate processes: what serves, and what its ledgers hold."""

import asyncio
import functools
from typing import Final

from clients.aio import FlightmeshClient
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as mesh
from flightmesh.errors import FlightmeshError
from flightmesh.journal import Claim, Claims
from flightmesh.process.config import ProcessConfig
from flightmesh.schedule_model import ScheduleModel
from flightmesh.verification import Violation, violation
from flightmesh.verification.journal import CheckResult, JournalReport, Progress, check_journal
from flightmesh.verification.repair import fill_index
from launcher.doctor_report import unreadable
from launcher.doctor_store import place_of_nodes

MAP: Final = "MAP"
_TITLE: Final = "shard map equal to the claims"
_Look = tuple[int, int, int, Claim | None]
"""A shard, its epoch and state by the map, and its claim."""
# The map is changed before a shard moves, the claim while it does: a difference that stays is one.
_LOOKS: Final = 20
_PAUSE_S: Final = 0.5


async def check_store(
    place: ProcessConfig,
    progress: Progress,
    *,
    repair: bool = False,
    client: FlightmeshClient | None = None,
) -> JournalReport:
    """Checks the ledgers in Cassandra while the mesh serves.

    Args:
        place: says where they are.
        progress: told how far the check is.
        repair: first add to the index what it lacks.
        client: asks the mesh whose ledgers they are, if it serves.

    Raises:
        ConfigurationError: there is no such store, or not one that keeps its promises.
        CorruptData: a ledger is broken, and so nothing is repaired.
        StoreError: the store cannot be reached.
    """
    # An embedded mesh has no driver of Cassandra, and importing one takes a while.
    from flightmesh.journal.cassandra import CassandraStore  # noqa: PLC0415
    from flightmesh.process.ports import store_options  # noqa: PLC0415

    async with await CassandraStore.open(store_options(place)) as store:
        if repair:
            await fill_index(store.journal, store.index, progress)
        serving = None if client is None else functools.partial(_sessions, client)
        report = await check_journal(store, ScheduleModel(), progress, serving)
        if client is None:
            return report
        agreement = await check_map(client, store.claims)
        return JournalReport((*report.checks, agreement), report.counts)


async def check_mesh(
    client: FlightmeshClient,
    place: ProcessConfig | None,
    progress: Progress,
    *,
    keyspace: str = "",
    repair: bool = False,
) -> JournalReport | None:
    """Checks the ledgers of the mesh that a client asks.

    Args:
        client: the client.
        place: says where they are; without it, the mesh is asked where its Cassandra is.
        progress: told how far the check is.
        keyspace: name of the store that the mesh does not tell.
        repair: first add to the index what it lacks.

    Returns:
        What was found; None for a mesh without Cassandra.
    """
    try:
        place = place or await _store_of(client, keyspace)
        if place is None:
            return None
        return await check_store(place, progress, repair=repair, client=client)
    except FlightmeshError as error:
        return unreadable(error)


async def _store_of(client: FlightmeshClient, keyspace: str) -> ProcessConfig | None:
    nodes = await client.mesh.nodes()
    addresses = [node.address for node in nodes if node.role == mesh.NODE_ROLE_CASSANDRA]
    return place_of_nodes(addresses, keyspace) if addresses else None


async def _sessions(client: FlightmeshClient) -> frozenset[int] | None:
    """The registered sessions; None if nobody tells them."""
    try:
        return frozenset(node.session for node in await client.mesh.nodes() if node.session)
    except FlightmeshError:
        return None


async def check_map(client: FlightmeshClient, claims: Claims) -> CheckResult:
    """Whether each shard's owner by the map holds its claim, now or soon.

    Told is only what stays the same at every look: shards that move one after another are well.
    """
    stays: dict[_Look, Violation] = {}
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_PAUSE_S)
        try:
            rows = (await client.mesh.shard_map()).assignments
            held = await claims.read_claims()
        except FlightmeshError as error:
            unread = violation(MAP, "map or claims cannot be read", error=error)
            return CheckResult(MAP, _TITLE, "violated", (unread,))
        looks = {(row.shard, row.epoch, row.state, held.get(row.shard)): row for row in rows}
        stays = {
            each: _disagreement(row, each[-1])
            for each, row in looks.items()
            if _wrong(row, held) and (not look or each in stays)
        }
        if not stays:
            break
    found = tuple(stays.values())
    return CheckResult(MAP, _TITLE, "violated" if found else "ok", found)


def _wrong(row: mesh.ShardAssignment, claims: dict[int, Claim]) -> bool:
    claim = claims.get(row.shard)
    owned = claim is not None and claim.holder == row.session and not claim.released
    return row.state != mesh.SHARD_STATE_ACTIVE or not owned


def _disagreement(row: mesh.ShardAssignment, claim: Claim | None) -> Violation:
    what = "a shard's owner by the map does not hold its claim"
    if row.state != mesh.SHARD_STATE_ACTIVE:
        what = "a shard is not served, or stays on its way"
    return violation(
        MAP,
        what,
        shard=row.shard,
        session=row.session,
        holder=None if claim is None else claim.holder,
        released=None if claim is None else claim.released,
    )
