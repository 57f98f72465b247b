"""A torn page of `journal.db`: refused when it is opened, or told by the checks; never served."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from flightmesh.codec.entries import encode_entry, encode_record
from flightmesh.errors import ConfigurationError, CorruptData
from flightmesh.journal import Claim, ClaimChange, DirectoryRow
from flightmesh.journal.sqlite import SqliteStore
from flightmesh.verification.contents import LedgerContents, all_entries, read_contents
from flightmesh.verification.ledgers import check_ledgers
from tests.unit.testing.told import record

PAGE = 4096
LEDGERS = 40


async def fill(folder: Path) -> list[LedgerContents]:
    """A store whose small tables and entries take several pages each; what it holds."""
    async with await SqliteStore.open(folder) as store:
        for ledger in range(1, LEDGERS + 1):
            token = b"%d" % ledger
            await store.journal.add_to_directory(DirectoryRow(ledger, f"node-{ledger}" * 20))
            await store.journal.open_segment(ledger, 0, token, 0)
            claim = Claim(ledger, ledger, 1, False, (ledger,))
            await store.claims.change_claims([ClaimChange(None, claim)])
            for number in range(3):
                kept = record(number, first=number + 1, sequence=number + 1, events=1 + 40 * number)
                data = encode_entry(ledger, number, 5, [encode_record(kept)])
                await store.journal.append(ledger, 0, token, number, data)
        return await read_contents(store.journal)


async def outcome(folder: Path, expected: list[LedgerContents]) -> str:
    """What becomes of a store: refused, told, or whole; anything else is silently wrong."""
    try:
        async with await SqliteStore.open(folder) as store:
            found = await read_contents(store.journal)
    except (ConfigurationError, CorruptData):
        return "refused"
    if any(contents.unreadable for contents in found) or check_ledgers(found):
        return "told"
    same = [each.ledger for each in found] == [each.ledger for each in expected]
    return "whole" if same and all_entries(found) == all_entries(expected) else "silently wrong"


@pytest.mark.parametrize("kind", ["zeros", "garbage", "old page"])
async def test_a_torn_page_is_refused_or_told_whichever_it_is(tmp_path: Path, kind: str) -> None:
    expected = await fill(tmp_path / "good")
    file = (tmp_path / "good" / "journal.db").read_bytes()
    seeded = random.Random(kind)
    outcomes = {}
    for page in range(1, len(file) // PAGE):
        shutil.copytree(tmp_path / "good", tmp_path / "torn", dirs_exist_ok=True)
        middle, end = page * PAGE + PAGE // 2, (page + 1) * PAGE
        other = seeded.randrange(1, len(file) // PAGE) * PAGE + PAGE // 2
        half = {
            "zeros": bytes(PAGE // 2),
            "garbage": seeded.randbytes(PAGE // 2),
            "old page": file[other : other + PAGE // 2],
        }[kind]
        (tmp_path / "torn" / "journal.db").write_bytes(file[:middle] + half + file[end:])
        outcomes[page] = await outcome(tmp_path / "torn", expected)
    assert {page: what for page, what in outcomes.items() if what == "silently wrong"} == {}
    # The last page, which a write that was cut off would have torn, is among them.
    assert outcomes[len(file) // PAGE - 1] in ("refused", "told", "whole")
    assert list(outcomes.values()).count("whole") < len(outcomes) / 2


async def test_a_file_that_lost_its_last_page_is_refused(tmp_path: Path) -> None:
    await fill(tmp_path)
    file = (tmp_path / "journal.db").read_bytes()
    (tmp_path / "journal.db").write_bytes(file[:-PAGE])
    with pytest.raises((ConfigurationError, CorruptData)):
        async with await SqliteStore.open(tmp_path) as store:
            await read_contents(store.journal)


async def test_an_entry_that_is_null_is_told_as_damage(tmp_path: Path) -> None:
    """What a torn page may show although the schema forbids it."""
    await fill(tmp_path)
    connection = sqlite3.connect(tmp_path / "journal.db")
    connection.execute("UPDATE entries SET data = 'a text' WHERE place = ?", (1 << 32 | 1,))
    connection.execute("UPDATE segments SET state = 'ajar' WHERE ledger = 2")
    connection.commit()
    connection.close()
    async with await SqliteStore.open(tmp_path) as store:
        with pytest.raises(CorruptData, match="an entry of ledger 1 from 0 on is damaged"):
            await store.journal.read_entries(1, 0, 0, 10)
        with pytest.raises(CorruptData, match="the head row of ledger 2, segment 0 is damaged"):
            await store.journal.read_segment(2, 0)
