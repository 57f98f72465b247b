"""The checks of `flightmesh doctor`: each asks the mesh and gives one verdict.

A check never raises: what goes wrong is its verdict.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from clients.aio import FlightmeshClient
from clients.cli.exits import describe
from clients.cli.findings_check import wrong_findings
from clients.cli.read_model_check import compare, compare_schedules
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as mesh
from flightmesh.errors import FlightmeshError, Refused
from flightmesh.position import Position

# Schedules whose histories are read to learn how far the write side is.
_SAMPLED_SCHEDULES: Final = 20
_NAMED: Final = 10
# Looks at a schedule that may have been deleted and created again, and pauses between them.
_LOOKS: Final = 3
_PAUSE_S: Final = 0.2

T = TypeVar("T")
Look = Callable[[FlightmeshClient, str], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        check: name of the check.
        ok: whether all is well.
        detail: sentence for people.
    """

    check: str
    ok: bool
    detail: str


Check = Callable[[FlightmeshClient], Awaitable[Verdict]]


def _check(name: str) -> Callable[[Callable[[FlightmeshClient], Awaitable[str]]], Check]:
    """Decorates a check that returns its detail and raises `_Ill` or an error of the mesh."""

    def decorate(body: Callable[[FlightmeshClient], Awaitable[str]]) -> Check:
        @functools.wraps(body)
        async def check(client: FlightmeshClient) -> Verdict:
            try:
                return Verdict(name, True, await body(client))
            except _Ill as ill:
                return Verdict(name, False, str(ill))
            except FlightmeshError as error:
                return Verdict(name, False, describe(error))

        return check

    return decorate


class _Ill(Exception):
    """What a check found is not well."""


@_check("servers reachable")
async def servers_reachable(client: FlightmeshClient) -> str:
    """Every given server answers and says that it serves."""
    await _all_serving(client, client.config.servers)
    return f"{', '.join(client.config.servers)} serving"


@_check("shard map complete")
async def shard_map_complete(client: FlightmeshClient) -> str:
    """The map has one row for each shard, by number."""
    shard_map = await client.mesh.shard_map()
    numbers = [row.shard for row in shard_map.assignments]
    if not shard_map.shard_count:
        raise _Ill("there is no shard map yet")
    if numbers != list(range(shard_map.shard_count)):
        raise _Ill(f"{len(set(numbers))} of {shard_map.shard_count} shards are in the map")
    return f"{shard_map.shard_count} shards, revision {shard_map.revision}"


@_check("every shard owned")
async def every_shard_owned(client: FlightmeshClient) -> str:
    """Every shard has an owner with an address; one that is moving still has."""
    rows = (await client.mesh.shard_map()).assignments
    owned_states = (mesh.SHARD_STATE_ACTIVE, mesh.SHARD_STATE_MOVING)
    unowned = [
        str(row.shard)
        for row in rows
        if row.state not in owned_states or not row.session or not row.address
    ]
    if unowned or not rows:
        raise _Ill(f"not owned: shard {_some(unowned)}" if rows else "the shard map is empty")
    moving = sum(row.state == mesh.SHARD_STATE_MOVING for row in rows)
    owners = len({row.session for row in rows})
    return f"{owners} owners" + (f", {moving} shards moving" if moving else "")


@_check("owners reachable")
async def owners_reachable(client: FlightmeshClient) -> str:
    """Every owner of a shard says that it serves."""
    rows = (await client.mesh.shard_map()).assignments
    owners = sorted({row.address for row in rows if row.address})
    await _all_serving(client, owners)
    return f"{len(owners)} serving"


@_check("nodes present")
async def nodes_present(client: FlightmeshClient) -> str:
    """There is a shard node, a read node and one leading coordinator."""
    nodes = await client.mesh.nodes()
    needed = {
        mesh.NODE_ROLE_SHARD_NODE: "shard node",
        mesh.NODE_ROLE_READ_NODE: "read node",
        mesh.NODE_ROLE_COORDINATOR: "coordinator",
    }
    missing = [name for role, name in needed.items() if all(node.role != role for node in nodes)]
    leaders = [node.name for node in nodes if node.leader]
    if missing:
        raise _Ill(f"no {', no '.join(missing)}")
    if len(leaders) != 1:
        raise _Ill(f"{len(leaders)} leading coordinators, expected 1")
    return f"{len(nodes)} processes, led by {leaders[0]}"


@_check("read side caught up")
async def read_side_caught_up(client: FlightmeshClient) -> str:
    """Each read node answers, in time, a query for all that is known to be committed."""
    head = Position()
    for node in await client.mesh.nodes():
        head = head.merged(Position.parse(node.position))
    for summary in (await client.queries.schedules())[:_SAMPLED_SCHEDULES]:
        async for record in client.aggregates.history(summary.schedule):
            head = head.merged(Position.parse(record.position))
    asked = 0
    async with read_nodes(client) as nodes:
        for name, reader in nodes.items():
            with _named(name):
                await reader.queries.schedules(min_position=head.token())
            asked += 1
            client.saw(reader.position)
    return f"{asked} read nodes at {client.position or 'the beginning'}"


@_check("schedule counts agree")
async def schedule_counts_agree(client: FlightmeshClient) -> str:
    """Each schedule's statistics equal what its lists count, and the write side knows it."""
    summaries = await client.queries.schedules()
    wrong = []
    for summary in summaries:
        problem = await _unless_deleted(client, summary.schedule, _count_problem)
        if problem:
            # Once more: somebody may have edited in between.
            problem = await _unless_deleted(client, summary.schedule, _count_problem)
        if problem:
            wrong.append(f"{summary.schedule}: {problem}")
    if wrong:
        raise _Ill("; ".join(wrong[:_NAMED]))
    legs = sum(summary.legs for summary in summaries)
    return f"{len(summaries):,} schedules, {legs:,} legs"


@_check("schedules equal the write side's")
async def schedules_equal_the_write_sides(client: FlightmeshClient) -> str:
    """Each read node has the schedules that exist at the owners of their shards, and no other."""

    async def look(name: str, reader: FlightmeshClient) -> tuple[int, list[str]]:
        found = await compare_schedules(client, reader)
        return found.compared, [f"{what} ({name})" for what in found.wrong]

    compared = await _look_at_each_read_node(client, look)
    return f"{compared[-1]:,} schedules on {len(compared)} read nodes"


@_check("read model equals the write side")
async def read_model_equals_the_write_side(client: FlightmeshClient) -> str:
    """Each read node has of each schedule the rotations, airplanes, airports of the owners (I7)."""

    async def look(reader: FlightmeshClient, schedule: str) -> tuple[int, Iterable[str]]:
        found = await compare(client, reader, schedule)
        return found.compared, found.wrong

    compared, asked = await _compare_each_read_node(client, look)
    return f"{compared:,} rotations, airplanes and airports on {asked} read nodes"


@_check("findings follow from the legs")
async def findings_follow_from_the_legs(client: FlightmeshClient) -> str:
    """Each read node's findings are those that its legs give when computed from scratch."""
    compared, asked = await _compare_each_read_node(client, wrong_findings)
    return f"{compared:,} findings on {asked} read nodes"


async def _compare_each_read_node(
    client: FlightmeshClient,
    look: Look[tuple[int, Iterable[str]]],
) -> tuple[int, int]:
    """Looks at each schedule of each read node; how much was compared, and on how many nodes.

    Args:
        client: a client of the mesh.
        look: given a read node's client and a schedule, how much it compared and what is wrong.

    Raises:
        _Ill: something is wrong.
    """

    async def look_at_all(name: str, reader: FlightmeshClient) -> tuple[int, list[str]]:
        compared, wrong = 0, []
        for summary in await reader.queries.schedules():
            found = await _unless_deleted(reader, summary.schedule, look)
            if found is None:
                continue
            count, differing = found
            compared += count
            wrong += [f"{summary.schedule} on {name}: {what}" for what in differing]
        return compared, wrong

    compared = await _look_at_each_read_node(client, look_at_all)
    return sum(compared), len(compared)


async def _unless_deleted(reader: FlightmeshClient, schedule: str, look: Look[T]) -> T | None:
    """What a look at a schedule gives; None if it was deleted since it was listed.

    Raises:
        FlightmeshError: the look fails, though the schedule is listed, or fails otherwise.
    """
    for _ in range(_LOOKS):
        try:
            return await look(reader, schedule)
        except Refused as error:
            if error.reason not in ("SCHEDULE_DELETED", "SCHEDULE_NOT_FOUND"):
                raise
        listed = await reader.queries.schedules()
        if all(summary.schedule != schedule for summary in listed):
            return None
        await asyncio.sleep(_PAUSE_S)
    return await look(reader, schedule)


async def _look_at_each_read_node(
    client: FlightmeshClient,
    look: Callable[[str, FlightmeshClient], Awaitable[tuple[int, list[str]]]],
) -> list[int]:
    """How much was compared on each read node; `look` tells that and what is wrong.

    Raises:
        _Ill: something is wrong.
    """
    compared, wrong = [], []
    async with read_nodes(client) as nodes:
        for name, reader in nodes.items():
            with _named(name):
                count, differing = await look(name, reader)
            compared.append(count)
            wrong += differing
    if wrong:
        raise _Ill(_some(wrong))
    return compared


@asynccontextmanager
async def read_nodes(client: FlightmeshClient) -> AsyncIterator[dict[str, FlightmeshClient]]:
    """A client of each read node by its name; only the given one where no address is known.

    Raises:
        FlightmeshError: the nodes cannot be listed.
    """
    addresses = {
        node.name: node.address
        for node in await client.mesh.nodes()
        if node.role == mesh.NODE_ROLE_READ_NODE and node.address
    }
    async with AsyncExitStack() as stack:
        clients = {}
        for name, address in addresses.items():
            config = replace(client.config, servers=(address,))
            clients[name] = await stack.enter_async_context(FlightmeshClient(config))
            clients[name].saw(client.position)
        yield clients or {"the read side": client}


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Says in an error which node gave it."""
    try:
        yield
    except FlightmeshError as error:
        raise _Ill(f"{name}: {describe(error)}") from error


CHECKS: Final[Sequence[Check]] = (
    servers_reachable,
    shard_map_complete,
    every_shard_owned,
    owners_reachable,
    nodes_present,
    read_side_caught_up,
    schedule_counts_agree,
    schedules_equal_the_write_sides,
    read_model_equals_the_write_side,
    findings_follow_from_the_legs,
)


async def _all_serving(client: FlightmeshClient, addresses: Sequence[str]) -> None:
    ill = []
    for address in addresses:
        try:
            if not await client.mesh.is_serving(address):
                ill.append(f"{address} is not serving")
        except FlightmeshError as error:
            ill.append(describe(error))
    if ill:
        raise _Ill("; ".join(ill))


async def _count_problem(client: FlightmeshClient, schedule: str) -> str:
    summary = await client.queries.schedule(schedule)
    legs = await anext(client.queries.leg_pages(summary.schedule, limit=1))
    if legs.total != summary.legs:
        return f"{summary.legs:,} legs in the statistics, {legs.total:,} listed"
    findings = await anext(client.queries.finding_pages(summary.schedule, limit=1))
    if findings.totals != summary.findings:
        return "findings in the statistics differ from those listed"
    state = await client.aggregates.schedule_state(summary.schedule)
    return "" if state.exists else "the write side does not know it"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
