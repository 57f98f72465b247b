"""What is asked in a load, and whether the replies are right."""

from typing import Any, Final

from clients.load.measurement import WrongReply
from clients.load.scenario import Step
from clients.load.shape import LoadShape
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.api.shard.v1 import command_service_pb2 as service
from flightmesh.rpc.errors import error_of

CHECKS: Final = (
    query.FINDING_KIND_CONTINUITY,
    query.FINDING_KIND_GROUND_TIME,
    query.FINDING_KIND_DESIGNATOR,
)


def findings_request(shape: LoadShape, kind: query.FindingKind) -> query.ListFindingsRequest:
    """One check as a request."""
    return query.ListFindingsRequest(
        schedule=shape.schedule, kind=[kind], page_size=shape.page_size
    )


def check_reply(response: service.ExecuteResponse, step: Step) -> None:
    """Raises WrongReply unless the reply is what the step must give."""
    if response.sequence != step.sequence or response.aggregate_id != step.aggregate_id:
        raise WrongReply(f"{step.field}: sequence {response.sequence}, not {step.sequence}")
    if len(response.events) != 1 or not response.position:
        raise WrongReply(f"{step.field}: {len(response.events)} events, not 1")


def check_results(results: Any, batch: list[Step]) -> None:
    """Raises WrongReply or the first command's error unless all results are right."""
    if len(results) != len(batch):
        raise WrongReply(f"{len(results)} results to {len(batch)} commands")
    for result, step in zip(results, batch, strict=True):
        if result.HasField("error"):
            raise error_of(result.error)
        check_reply(result.response, step)


def check_findings(
    response: query.ListFindingsResponse, request: query.ListFindingsRequest
) -> None:
    """Raises WrongReply unless the page holds what its totals promise."""
    name = str(query.FindingKind.Name(request.kind[0])).removeprefix("FINDING_KIND_").lower()
    expected = min(request.page_size, getattr(response.totals, name))
    if len(response.findings) != expected:
        raise WrongReply(f"{len(response.findings)} findings of kind {name}, not {expected}")
    if not response.position:
        raise WrongReply("an answer without a position")


def check_batch(response: Any, queries: list[query.Query], known: dict[int, bytes]) -> None:
    """Raises WrongReply or the first query's error unless all results of a batch are right.

    Args:
        response: QueryStreamResponse.
        queries: what was asked, the checks in turn.
        known: replies by check that were found right; kept by the caller between batches.
    """
    results = getattr(response, "results", ())
    if len(results) != len(queries):
        raise WrongReply(f"{len(results)} results to {len(queries)} queries")
    for number, result in enumerate(results):
        if result.HasField("error"):
            raise error_of(result.error)
        kind = number % len(CHECKS)
        # A reply equal to one that was checked is right; this keeps the generator cheap.
        if known.get(kind) != result.reply:
            reply = query.ListFindingsResponse.FromString(result.reply)
            check_findings(reply, queries[number].list_findings)
            known[kind] = result.reply
