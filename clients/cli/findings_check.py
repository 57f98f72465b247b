"""Are the findings that the read side lists those that follow from its legs?

The read side keeps findings up to date with each event; here they are computed from scratch, by
other code (`flightmesh.verification.findings`), from the legs, rotations, airplanes and airports
that it lists. That these are right is `clients.cli.read_model_check`'s part.
"""

from typing import Final

from clients.aio import FlightmeshClient
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.codec.legs import leg_of, rules_of
from flightmesh.verification.findings import (
    AirplaneFacts,
    FoundFinding,
    PlacedLeg,
    compute_findings,
)

# Looks until a difference counts: somebody may edit the schedule between two questions.
_LOOKS: Final = 4


async def wrong_findings(reader: FlightmeshClient, schedule: str) -> tuple[int, list[str]]:
    """Compares a schedule's findings with those computed from scratch.

    Args:
        reader: asks the read side.
        schedule: name of the schedule.

    Returns:
        Number of findings compared, and what differs at every look, each as a sentence.

    Raises:
        FlightmeshError: the read side does not answer.
    """
    listed = await _listed(reader, schedule)
    computed = await _computed(reader, schedule)
    missing, extra = computed - listed, listed - computed
    for _ in range(_LOOKS - 1):
        if not missing and not extra:
            break
        listed = await _listed(reader, schedule)
        computed = await _computed(reader, schedule)
        missing, extra = missing & (computed - listed), extra & (listed - computed)
    told = [f"{_text(each)} is not listed" for each in sorted(map(_sortable, missing))]
    told += [f"{_text(each)} is listed and is none" for each in sorted(map(_sortable, extra))]
    return len(listed), told


def _sortable(finding: FoundFinding) -> tuple[str, tuple[str, ...]]:
    return finding.kind, finding.ids


def _text(finding: tuple[str, tuple[str, ...]]) -> str:
    return f"{finding[0]} of {', '.join(finding[1])}"


async def _listed(reader: FlightmeshClient, schedule: str) -> set[FoundFinding]:
    return {_finding_of(each) async for each in reader.queries.findings(schedule)}


def _finding_of(message: query.Finding) -> FoundFinding:
    kind = query.FindingKind.Name(message.kind).removeprefix("FINDING_KIND_").lower()
    if message.kind == query.FINDING_KIND_UNKNOWN_AIRPLANE:
        return FoundFinding(kind, tuple(message.rotation_ids))
    ids = tuple(placed.leg.leg_id for placed in message.legs)
    if message.kind == query.FINDING_KIND_GROUND_TIME:
        return FoundFinding(kind, ids, message.ground_minutes, message.required_minutes)
    if message.kind == query.FINDING_KIND_AIRPLANE_OVERLAP:
        return FoundFinding(kind, ids, message.overlap_minutes)
    return FoundFinding(kind, ids)


async def _computed(reader: FlightmeshClient, schedule: str) -> set[FoundFinding]:
    queries = reader.queries
    legs = [
        PlacedLeg(leg_of(placed.leg), placed.rotation_id, placed.airplane_id)
        async for placed in queries.legs(schedule)
    ]
    rotations = {each.rotation_id: each.airplane_id async for each in queries.rotations(schedule)}
    airplanes = {
        each.airplane_id: AirplaneFacts(each.aircraft_type, _minutes(each))
        async for each in queries.airplanes(schedule)
        if each.registered
    }
    airports = {each.iata: _minutes(each) async for each in queries.airports(schedule)}
    rules = rules_of((await queries.schedule(schedule)).finding_rules)
    return compute_findings(legs, rotations, airplanes, airports, rules)


def _minutes(message: query.AirplaneSummary | query.AirportSummary) -> int | None:
    known = message.HasField("minimum_ground_minutes")
    return message.minimum_ground_minutes if known else None
