"""A store keeps the constants that it was made with, and nobody works on it with others."""

import pytest

from flightmesh.errors import ConfigurationError
from flightmesh.journal import FORMAT_VERSION, Constants
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.ledger.constants import DEFAULT_SHARD_COUNT, agreed_constants


@pytest.mark.parametrize("asked_for", [None, 32])
async def test_a_new_store_gets_the_number_of_shards_that_is_asked_for(
    asked_for: int | None,
) -> None:
    journal = InMemoryJournal()
    made = Constants(asked_for or DEFAULT_SHARD_COUNT, FORMAT_VERSION)
    assert await agreed_constants(journal, asked_for) == made
    assert await journal.fix_constants(Constants(8, 9)) == made


async def test_an_old_store_keeps_its_number_of_shards_where_none_is_asked_for() -> None:
    journal = InMemoryJournal()
    made = await agreed_constants(journal, 16)
    assert await agreed_constants(journal, None) == made
    assert await agreed_constants(journal, 16) == made


async def test_another_number_of_shards_is_refused_with_the_right_one() -> None:
    journal = InMemoryJournal()
    await agreed_constants(journal, 16)
    with pytest.raises(ConfigurationError, match=r"made with 16 shards, not 32; .* to 16"):
        await agreed_constants(journal, 32)


@pytest.mark.parametrize("asked_for", [None, 16])
async def test_a_store_of_another_format_is_refused_whatever_is_asked_for(
    asked_for: int | None,
) -> None:
    journal = InMemoryJournal()
    await journal.fix_constants(Constants(16, FORMAT_VERSION + 1))
    with pytest.raises(ConfigurationError, match=f"in format {FORMAT_VERSION + 1}"):
        await agreed_constants(journal, asked_for)
