"""SSIM Chapter 7 records: bytes to leg records, one at a time, in constant memory.

A line that cannot be read is an issue, and reading goes on. What follows is tolerated: CRLF or LF,
a BOM, trailing blanks that were stripped, lines of zeros anywhere, blank lines, a missing header or
trailer, gaps in the serial numbers (counted with or without the zero lines), several carrier
blocks. A leg that ends before its serial number in a file that has serial numbers was cut off, and
is refused: it may have lost the mark of a code-share duplicate.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, final

import msgspec

from flightmesh.loading import ssim_fields
from flightmesh.loading.issues import IssueLog, Rule
from flightmesh.loading.lines import LineSplitter
from flightmesh.loading.ssim_layout import (
    CARRIER,
    FORGIVEN,
    HEADER_TITLE,
    LEG_FIELDS,
    OVERFLOW,
    RECORD_LENGTH,
    VALID_FROM,
    VALID_TO,
    CarrierBlock,
    FieldError,
    LegRecord,
    OnwardFlight,
    close_period,
)

# Up to here a record has mandatory fields (validity; UTC variation at arrival; data element); what
# follows may be blanks that were stripped.
_WHOLE_TO: Final = {"2": 28, "3": 70, "4": 33}
# Columns up to which a record is read, so must be ASCII for its columns to be where they should.
_READ_TO: Final = {"1": 35, "2": 28, "3": 149, "4": 39, "5": 5}
_LAST_SERIAL: Final = 999_999
_CODE_SHARE_DISCLOSURES: Final = "LZ"
_OPERATING_LEG_ELEMENT: Final = "050"


@final
class SsimParser:
    """Reads a file that arrives in pieces; gives each leg once its type 4 records are known.

    Attributes:
        records: records read so far (all types, without zero lines), broken ones included.
        lines_rejected: lines that were left out.
    """

    def __init__(self, issues: IssueLog) -> None:
        self._issues = issues
        self._splitter = LineSplitter()
        self._line = 0
        self._block: CarrierBlock | None = None
        self._blocks = 0
        self._block_open = False
        self._pending: LegRecord | None = None
        self._done: list[LegRecord] = []
        self._serial: int | None = None
        self._zero_lines = 0
        self.records = 0
        self.lines_rejected = 0
        self._readers = {
            "1": self._header,
            "2": self._carrier,
            "3": self._leg,
            "4": self._segment,
            "5": self._trailer,
        }

    def feed(self, piece: bytes) -> list[LegRecord]:
        """The legs that the piece completes."""
        return self._read(self._splitter.feed(piece))

    def finish(self) -> list[LegRecord]:
        """The last leg, if any. The parser is used up."""
        legs = self._read(self._splitter.finish())
        self._flush()
        self._missing_trailer()
        if not self.records:
            self._issues.add(Rule.FILE_EMPTY, "the file holds no record")
        return legs + self._done

    def _read(self, lines: list[bytes]) -> list[LegRecord]:
        for raw in lines:
            self._line += 1
            try:
                self._record(raw)
            except FieldError as error:
                self.lines_rejected += 1
                self._issues.add(error.rule, error.message, self._line, error.column)
        legs, self._done = self._done, []
        return legs

    def _flush(self) -> None:
        if self._pending is not None:
            self._done.append(self._pending)
            self._pending = None

    def _record(self, raw: bytes) -> None:
        stripped = raw.rstrip(b" \t\x1a")
        if not stripped.strip(b"0"):
            self._zero_lines += bool(stripped)
            return
        kind = chr(raw[0])
        if kind not in "12345":
            raise FieldError(Rule.SSIM_RECORD_TYPE, 1, f"{kind!r} is no record type 1 to 5")
        self.records += 1
        if kind != "4":
            self._flush()
        if kind == "2":
            # Legs after an unreadable carrier record must not be read in the block before it.
            self._begin_block(None)
        if self.records == 1 and kind != "1":
            self._issues.add(Rule.SSIM_HEADER, "no header (type 1) begins the file", self._line)
        text = self._text(kind, raw, stripped)
        self._check_serial(text)
        self._readers[kind](text)

    def _text(self, kind: str, raw: bytes, stripped: bytes) -> str:
        text = raw.decode("latin-1")
        if not raw.isascii() or b"\x00" in raw:
            column = next(n for n, byte in enumerate(raw, 1) if byte > 126 or not byte)
            if column <= _READ_TO[kind]:
                self._check_serial(text)
                raise FieldError(Rule.SSIM_ENCODING, column, f"byte {raw[column - 1]:#04x}")
            message = f"byte {raw[column - 1]:#04x} in columns that are not read"
            self._issues.add(Rule.SSIM_UNREAD_ENCODING, message, self._line, column)
        if self._cut_off(kind, len(stripped)):
            message = f"the record ends after {len(stripped)} of {RECORD_LENGTH} columns"
            raise FieldError(Rule.SSIM_TRUNCATED, len(stripped) + 1, message)
        if len(stripped) > RECORD_LENGTH:
            message = f"the record has {len(stripped)} columns instead of {RECORD_LENGTH}"
            self._issues.add(Rule.SSIM_LINE_LENGTH, message, self._line, RECORD_LENGTH + 1)
        return text.ljust(RECORD_LENGTH)

    def _cut_off(self, kind: str, length: int) -> bool:
        if kind == "3" and length < RECORD_LENGTH:
            in_aircraft_type = 73 <= length < 75
            return self._serial is not None or length < _WHOLE_TO[kind] or in_aircraft_type
        return length < _WHOLE_TO.get(kind, 1)

    def _begin_block(self, block: CarrierBlock | None) -> None:
        self._missing_trailer()
        self._block = block
        self._block_open = block is not None

    def _missing_trailer(self) -> None:
        if self._block_open:
            self._block_open = False
            self._issues.add(Rule.SSIM_TRAILER, "a carrier block has no trailer (type 5)")

    def _check_serial(self, text: str) -> None:
        field = text[194:200]
        if not field.isdecimal():
            message = f"{field!r} is no record serial number"
            self._issues.add(Rule.SSIM_SERIAL, message, self._line, 195)
            return
        serial, last = int(field), self._serial
        if last is not None:
            expected = last + 1 if last < _LAST_SERIAL else 2
            if serial not in (expected, expected + self._zero_lines):
                message = f"serial number {serial} follows {last}"
                self._issues.add(Rule.SSIM_SERIAL, message, self._line, 195)
        self._serial = serial
        self._zero_lines = 0

    def _header(self, text: str) -> None:
        if text[1:35].rstrip() != HEADER_TITLE:
            self._issues.add(Rule.SSIM_HEADER, f"the title is not {HEADER_TITLE}", self._line, 2)

    def _carrier(self, text: str) -> None:
        if text[1] not in "UL":
            raise FieldError(Rule.SSIM_TIME_MODE, 2, f"time mode {text[1]!r} is neither U nor L")
        self._blocks += 1
        valid_from, valid_to = self._validity(text)
        carrier = CARRIER.read(text)
        self._begin_block(CarrierBlock(self._blocks, carrier, text[1] == "U", valid_from, valid_to))

    def _validity(self, text: str) -> tuple[int | None, int | None]:
        days: list[int | None] = []
        for field in (VALID_FROM, VALID_TO):
            try:
                days.append(field.read(text))
            except FieldError as error:
                # Only legs with an open period need it, and they are refused one by one.
                self._issues.add(error.rule, error.message, self._line, error.column)
                days.append(None)
        return days[0], days[1]

    def _leg(self, text: str) -> None:
        block = self._block
        if block is None:
            raise FieldError(Rule.SSIM_NO_CARRIER, 1, "no carrier record (type 2) gives time mode")
        values: dict[str, Any] = {}
        for name, field in LEG_FIELDS.items():
            try:
                values[name] = field.read(text)
            except FieldError as error:
                if name not in FORGIVEN:
                    raise
                values[name] = FORGIVEN[name]
                self._issues.add(error.rule, error.message, self._line, error.column)
        values["variation"] += 100 * OVERFLOW.read(text)
        if not values["variation"]:
            raise FieldError(Rule.SSIM_ITINERARY_ID, 10, "the itinerary variation is 00")
        close_period(values, block)
        code_share = text[148] in _CODE_SHARE_DISCLOSURES
        leg = LegRecord(
            line=self._line,
            block=block,
            onward=self._onward(text),
            code_share=code_share,
            **values,
        )
        self._remark(leg)
        self._pending = leg

    def _remark(self, leg: LegRecord) -> None:
        block = leg.block
        if leg.carrier != block.carrier:
            message = f"the leg is of {leg.carrier}, its block of {block.carrier}"
            self._issues.add(Rule.SSIM_BLOCK_CARRIER, message, self._line, 3)
        if (block.valid_from and leg.first_day < block.valid_from) or (
            block.valid_to and leg.last_day > block.valid_to
        ):
            message = "the period is not within the carrier block's validity"
            self._issues.add(Rule.SSIM_OUTSIDE_VALIDITY, message, self._line, 15)

    def _onward(self, text: str) -> OnwardFlight | None:
        if not text[137:144].strip():
            return None
        try:
            return OnwardFlight(
                carrier=ssim_fields.carrier(text[137:140]),
                flight_number=ssim_fields.flight_number(text[140:144]),
                suffix=ssim_fields.letter(text[145]),
                layover=ssim_fields.digit(text[144]),
            )
        except ValueError as error:
            self._issues.add(Rule.SSIM_ONWARD, str(error), self._line, 138)
            return None

    def _segment(self, text: str) -> None:
        leg = self._pending
        try:
            same = leg is not None and _segment_key(text) == (
                (leg.suffix, leg.carrier, leg.flight_number, leg.variation, leg.sequence)
            )
        except (FieldError, ValueError):
            same = False
        if leg is None or not same:
            message = "a segment record (type 4) follows no leg of its flight"
            self._issues.add(Rule.SSIM_SEGMENT, message, self._line, 2)
        elif text[30:33] == _OPERATING_LEG_ELEMENT and not leg.code_share:
            self._pending = msgspec.structs.replace(leg, code_share=True)

    def _trailer(self, text: str) -> None:
        if not self._block_open:
            message = "a trailer (type 5) closes no carrier block"
            self._issues.add(Rule.SSIM_TRAILER, message, self._line)
        elif not text[187:193].isdecimal() or not text[194:200].isdecimal():
            message = f"{text[187:193]!r} is no serial number check reference"
            self._issues.add(Rule.SSIM_TRAILER, message, self._line, 188)
        elif int(text[187:193]) != int(text[194:200]) - 1:
            message = f"the check reference {text[187:193]} is not the serial number before"
            self._issues.add(Rule.SSIM_TRAILER, message, self._line, 188)
        self._block = None
        self._block_open = False


def parse_ssim(pieces: Iterable[bytes], issues: IssueLog) -> Iterator[LegRecord]:
    """The leg records of a file given in pieces of any size."""
    parser = SsimParser(issues)
    for piece in pieces:
        yield from parser.feed(piece)
    yield from parser.finish()


def _segment_key(text: str) -> tuple[str, str, int, int, int]:
    variation = ssim_fields.two_digits(text[9:11]) + 100 * ssim_fields.digit(text[27])
    return (
        ssim_fields.letter(text[1]),
        ssim_fields.carrier(text[2:5]),
        ssim_fields.flight_number(text[5:9]),
        variation,
        ssim_fields.ordinal_number(text[11:13]),
    )
