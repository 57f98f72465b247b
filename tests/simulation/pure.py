"""Pure functions of the product whose results a run remembers.

A run's processes decode the same bytes again and again, each for itself, as they should; only, here
they share one processor. What is remembered are values that nobody can change.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any
from unittest.mock import patch

from coordinator import map_store
from flightmesh.codec import commands, entries, snapshots
from flightmesh.codec.commands import Request
from flightmesh.codec.entries import record_of
from flightmesh.eventsourcing import CommandEnvelope
from flightmesh.eventsourcing.record import PlacedRecord, Record
from flightmesh.ids import AggregateId
from flightmesh.registry import Listing
from flightmesh.routing import followers
from flightmesh.routing.followers import map_of_listing
from flightmesh.sharding import shard_map
from flightmesh.sharding.shard_map import ShardMap
from flightmesh.verification import contents
from gateway import dispatch
from gateway.bindings import all_bindings
from gateway.transcoding import RequestReader
from shard_node import aggregate_loader, handlers, slot
from tests.simulation import gateway, workload

_REMEMBERED = 4_096  # calls of a function


def _as_a_list(function: Callable[[bytes], list[Any]]) -> Callable[[bytes], list[Any]]:
    remembered = lru_cache(_REMEMBERED)(lambda data: tuple(function(data)))
    return lambda data: list(remembered(data))


def _envelope_of() -> Callable[[Request, AggregateId], CommandEnvelope]:
    @lru_cache(_REMEMBERED)
    def remembered(data: bytes, aggregate_id: AggregateId) -> CommandEnvelope:
        return commands.envelope_of(Request.FromString(data), aggregate_id)

    return lambda request, aggregate_id: remembered(request.SerializeToString(), aggregate_id)


def _decode_with_records() -> Callable[[bytes], tuple[int, int, int, tuple[Record, ...]]]:
    @lru_cache(_REMEMBERED)
    def remembered(data: bytes) -> tuple[int, int, int, tuple[Record, ...]]:
        ledger, number, at_us, messages = entries.decode_entry(data)
        return ledger, number, at_us, tuple(map(record_of, messages))

    return remembered


def _map_of_listing() -> Callable[[int, Listing], ShardMap]:
    # By the listing's identity: the registry gives the same one until something changes.
    known: dict[tuple[int, int], tuple[Listing, ShardMap]] = {}

    def remembered(shard_count: int, listing: Listing) -> ShardMap:
        found = known.get((shard_count, id(listing)))
        if found is None or found[0] is not listing:
            if len(known) >= _REMEMBERED:
                known.clear()
            found = (listing, map_of_listing(shard_count, listing))
            known[shard_count, id(listing)] = found
        return found[1]

    return remembered


_envelope = _envelope_of()
_chunk: Callable[[bytes], list[PlacedRecord]] = _as_a_list(entries.decode_chunk)
_assignment = lru_cache(_REMEMBERED)(shard_map.decode_assignment)
_REPLACED = (
    (aggregate_loader, "decode_chunk", _chunk),
    (aggregate_loader, "decode_snapshot", lru_cache(_REMEMBERED)(snapshots.decode_snapshot)),
    (slot, "decode_chunk", _chunk),
    (handlers, "envelope_of", _envelope),
    (workload, "envelope_of", _envelope),
    (contents, "decode_entry", _decode_with_records()),
    (contents, "record_of", lambda record: record),
    (map_store, "decode_assignment", _assignment),
    (followers, "decode_assignment", _assignment),
    (followers, "map_of_listing", _map_of_listing()),
    (gateway, "all_bindings", lru_cache(all_bindings)),
    (dispatch, "RequestReader", lru_cache(_REMEMBERED)(RequestReader)),
    (map_store, "decode_registration", lru_cache(_REMEMBERED)(shard_map.decode_registration)),
)


@contextmanager
def remembered() -> Iterator[None]:
    """Remembers what these functions gave, as long as this lasts and beyond."""
    with ExitStack() as stack:
        for module, name, function in _REPLACED:
            stack.enter_context(patch.object(module, name, function))
        yield
