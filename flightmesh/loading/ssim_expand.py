"""SSIM leg records to dated legs, carrier block by carrier block, in the file's order.

UTC variations are taken from the record even where the time zone database disagrees, with a notice.
For operating days, days of origin and arrivals see `ssim_itinerary`.
"""

from collections.abc import Iterable, Iterator
from typing import Final, final

from flightmesh.domain.values import Leg, Minute
from flightmesh.domain.values import designator as designator_of
from flightmesh.loading import reference
from flightmesh.loading.dates import iso_day
from flightmesh.loading.issues import IssueLog, Rule
from flightmesh.loading.local_time import DAY, EPOCH_ORDINAL, LocalTimes
from flightmesh.loading.source_legs import LegCollector, SourceLeg
from flightmesh.loading.ssim_fields import format_variation
from flightmesh.loading.ssim_itinerary import (
    ItineraryWalk,
    flight_minutes,
    operating_days,
    utc_times,
)
from flightmesh.loading.ssim_layout import LegRecord

MAX_DATED_LEGS: Final = 2_000_000


@final
class SsimExpander:
    """Turns the leg records of a file into dated legs, block by block, in the file's order.

    Args:
        collector: takes the legs.
        issues: takes the issues.
        limit: number of dated legs at which the rest of the file is refused.
    """

    def __init__(
        self, collector: LegCollector, issues: IssueLog, limit: int = MAX_DATED_LEGS
    ) -> None:
        self._collector = collector
        self._issues = issues
        self._room = limit
        self._records: list[LegRecord] = []
        self._times = LocalTimes()

    def take(self, records: Iterable[LegRecord]) -> None:
        """Takes records in the file's order; expands a carrier block when the next one begins."""
        for record in records:
            if self._records and self._records[-1].block is not record.block:
                self._expand_block()
            self._records.append(record)

    def finish(self) -> None:
        """Expands the last block."""
        self._expand_block()

    def _expand_block(self) -> None:
        records, self._records = self._records, []
        itineraries: dict[tuple[str, int, int], list[LegRecord]] = {}
        for record in records:
            key = (record.carrier, record.flight_number, record.variation)
            itineraries.setdefault(key, []).append(record)
        origins: dict[int, list[int]] = {}
        for itinerary in itineraries.values():
            if any(record.sequence > 1 for record in itinerary):
                origins.update(ItineraryWalk(itinerary, self._issues).origins())
        for record in records:
            days = operating_days(record)
            self._check(record, days)
            if len(days) > self._room:
                message = "the file gives more dated legs than the limit; this record is left out"
                self._issues.add(Rule.SSIM_TOO_MANY_LEGS, message, record.line)
                continue
            self._room -= len(days)
            shift = record.departure_date_variation or 0
            self._add(record, days, origins.get(record.line) or [day - shift for day in days])

    def _check(self, record: LegRecord, days: list[int]) -> None:
        if not days:
            message = "the leg operates on no date of its period"
            self._issues.add(Rule.SSIM_NO_DATES, message, record.line, 29)
            return
        ends = (record.first_day, record.last_day)
        if record.fortnightly and (days[0], days[-1]) != ends:
            message = "a fortnightly period starts or ends on a day without operation"
            self._issues.add(Rule.SSIM_FORTNIGHT, message, record.line, 15)
        for airport, column in ((record.departure_airport, 37), (record.arrival_airport, 55)):
            if not reference.known(airport):
                message = f"{airport} is not in the reference data"
                self._issues.add_once(Rule.AIRPORT_UNKNOWN, airport, message, record.line, column)

    def _add(self, record: LegRecord, days: list[int], origins: list[int]) -> None:
        start, _ = utc_times(record)
        duration = flight_minutes(record)
        for day, origin in zip(days, origins, strict=True):
            departure = (day - EPOCH_ORDINAL) * DAY + start
            origin_day = iso_day(origin)
            designator = designator_of(
                record.carrier,
                record.flight_number,
                record.suffix,
                origin_day,
                record.departure_airport,
            )
            leg = Leg(
                self._collector.next_id(designator),
                record.carrier,
                record.flight_number,
                record.suffix,
                origin_day,
                record.departure_airport,
                record.arrival_airport,
                Minute(departure),
                Minute(departure + duration),
                record.departure_variation,
                record.arrival_variation,
                record.aircraft_type,
                record.service_type,
            )
            self._collector.add(SourceLeg(leg, record.line, record.onward, record.code_share))
        self._check_variations(record, days, start, duration)

    def _check_variations(
        self, record: LegRecord, days: list[int], start: int, duration: int
    ) -> None:
        for airport, stated, delay, column in (
            (record.departure_airport, record.departure_variation, start, 48),
            (record.arrival_airport, record.arrival_variation, start + duration, 66),
        ):
            if self._times.zone(airport) is None:
                continue
            for day in days:
                offset = self._times.offset(airport, (day - EPOCH_ORDINAL) * DAY + delay)
                if offset != stated:
                    message = (
                        f"the UTC variation {format_variation(stated)} is believed, but {airport} "
                        f"has {format_variation(offset)} on {iso_day(day)}"
                    )
                    self._issues.add(Rule.SSIM_TIME_ZONE, message, record.line, column)
                    break


def expand_ssim(
    records: Iterable[LegRecord], collector: LegCollector, issues: IssueLog
) -> Iterator[SourceLeg]:
    """The dated legs of a file's records, with ids and duplicates settled by the collector."""
    expander = SsimExpander(collector, issues)
    expander.take(records)
    expander.finish()
    yield from collector.legs()
