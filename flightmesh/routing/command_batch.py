"""The commands of one call on their way: which have a final result, which are to be repeated."""

from collections.abc import Callable, Sequence
from typing import final

from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.errors import FlightmeshError, RetryableError
from flightmesh.rpc.errors import error_of, status_of


@final
class CommandBatch:
    """Commands with their shards and results, by their place in the call.

    Attributes:
        requests: the commands.
        shards: the shard of each.
        results: the final result of each that has one.
        pending: places of those that have none, ascending: the order in which they are sent.
        error: why the last of them has none.
    """

    def __init__(self, requests: Sequence[pb.ExecuteRequest]) -> None:
        self.requests = requests
        self.shards = [0] * len(requests)
        self.results: list[pb.ExecuteResult | None] = [None] * len(requests)
        self.pending = list(range(len(requests)))
        self.error: RetryableError | None = None

    def take(
        self,
        places: Sequence[int],
        results: Sequence[pb.ExecuteResult],
        learn: Callable[[RetryableError], bool],
    ) -> bool:
        """Takes a node's results; returns whether some of the commands are to be repeated."""
        repeat = False
        for place, result in zip(places, results, strict=True):
            if result.HasField("error"):
                error = error_of(result.error)
                if isinstance(error, RetryableError):
                    repeat = True
                    self.error = error
                    learn(error)
                    continue
            self.results[place] = result
        return repeat

    def keep_unanswered(self) -> None:
        """Leaves as pending those that still have no result."""
        results = self.results
        self.pending = [place for place in self.pending if results[place] is None]

    def results_or(self, error: FlightmeshError) -> list[pb.ExecuteResult]:
        """The results; the error for those that have none."""
        missing = pb.ExecuteResult(error=status_of(error)) if self.pending else pb.ExecuteResult()
        return [missing if result is None else result for result in self.results]
