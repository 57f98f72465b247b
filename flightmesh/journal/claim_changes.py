"""What every adapter checks of a set of claim changes before it looks at the store. Pure."""

from collections.abc import Sequence

from flightmesh.errors import ProtocolViolation
from flightmesh.journal import ClaimChange


def check_changes(changes: Sequence[ClaimChange]) -> None:
    """Refuses a set that no store could apply in a defined way.

    Raises:
        ProtocolViolation: one shard is changed twice, or a change is about two shards.
    """
    shards = [change.new.shard for change in changes]
    if len(set(shards)) != len(shards):
        raise ProtocolViolation("one shard's claim is changed twice in one call")
    for change in changes:
        if change.expected is not None and change.expected.shard != change.new.shard:
            raise ProtocolViolation(
                f"a claim of shard {change.expected.shard} cannot become one of {change.new.shard}"
            )
