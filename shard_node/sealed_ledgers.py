"""Which ledgers are definitely sealed: the session's own, and those of former holders of claims."""

import asyncio
from collections.abc import Iterable
from typing import final

from flightmesh.journal import Journal
from flightmesh.ledger.reader import LedgerReader
from flightmesh.ledger.segments import MAX_ENTRIES


@final
class SealedLedgers:
    """Asks the store for seals, and remembers them: a sealed ledger is so for ever.

    Args:
        journal: the ledgers.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._sealed: set[int] = set()
        # A reader that wants what lies beyond the end walks to the last segment, and stays there.
        self._readers: dict[int, LedgerReader] = {}
        self._lock = asyncio.Lock()

    async def among(self, ledgers: Iterable[int]) -> set[int]:
        """Those of the ledgers that are definitely sealed.

        Raises:
            StoreUnavailable, OutcomeUnknown: the store cannot be read just now.
        """
        asked = set(ledgers)
        async with self._lock:
            for ledger in sorted(asked - self._sealed):
                await self._look(ledger)
            return asked & self._sealed

    async def _look(self, ledger: int) -> None:
        reader = self._readers.get(ledger)
        if reader is None:
            reader = self._readers[ledger] = LedgerReader(self._journal, ledger, MAX_ENTRIES)
        await reader.read_batch()
        if reader.sealed_at is not None:
            self._sealed.add(ledger)
            del self._readers[ledger]
