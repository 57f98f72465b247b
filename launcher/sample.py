"""The sample schedule of the first start."""

import datetime as dt
import logging
from pathlib import Path
from typing import Final

from flightmesh.journal import Journal, SegmentState
from flightmesh.loading.sample_schedule import sample_schedule
from gateway.loader import Loader
from launcher.whole_files import write_atomically

_log = logging.getLogger(__name__)

NAME: Final = "sample"
# Holds the sample's first day, as long as it is being loaded.
_UNFINISHED: Final = "sample.unfinished"


async def load_sample(loader: Loader, journal: Journal, folder: Path, today: dt.date) -> bool:
    """Loads the sample if no ledger of the store holds an entry; whether it did.

    The sample starts on the first Monday after `today`. A load that was cut off is finished at the
    next start: `folder`, that of all data, has a note of it meanwhile.
    """
    note = folder / _UNFINISHED
    if note.exists():
        first_day = dt.date.fromisoformat(note.read_text())
    elif await _holds_entries(journal):
        return False
    else:
        first_day = today + dt.timedelta(days=7 - today.weekday())
        write_atomically(note, first_day.isoformat().encode())
    plan = sample_schedule(NAME, first_day)
    result = await loader.compare(plan, strict=False)
    async for _done, _total in loader.carry_out(result, "flightmesh", "sample"):
        pass
    note.unlink()
    _log.info("loaded the sample schedule: %d legs", plan.leg_count)
    return True


async def _holds_entries(journal: Journal) -> bool:
    for row in await journal.list_directory():
        segment = await journal.read_segment(row.ledger, 0)
        if segment is None:
            continue
        if segment.state is SegmentState.ROLLED or segment.head >= segment.first:
            return True
    return False
