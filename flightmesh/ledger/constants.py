"""The constants of a ledger store: fixed when it is first used, checked by whoever opens it."""

from typing import Final

from flightmesh.errors import ConfigurationError
from flightmesh.journal import FORMAT_VERSION, Constants, Journal

DEFAULT_SHARD_COUNT: Final = 64


async def agreed_constants(journal: Journal, shard_count: int | None) -> Constants:
    """Fixes the constants of a new store, or checks those of an old one; returns them.

    Args:
        journal: of the store.
        shard_count: number of shards; None takes 64 for a new store, and what an old one has.

    Raises:
        ConfigurationError: the store was made with another number of shards, or in another format.
        StoreError: the store does not answer, or did not do it for certain.
    """
    wanted = Constants(shard_count or DEFAULT_SHARD_COUNT, FORMAT_VERSION)
    stored = await journal.fix_constants(wanted)
    if stored.format_version != wanted.format_version:
        raise ConfigurationError(
            f"the store was made in format {stored.format_version},"
            f" and this program reads and writes format {wanted.format_version}"
        )
    if shard_count is not None and stored.shard_count != shard_count:
        raise ConfigurationError(
            f"the store was made with {stored.shard_count} shards, not {shard_count};"
            f" set shard_count (FLIGHTMESH_SHARD_COUNT) to {stored.shard_count}"
        )
    return stored
