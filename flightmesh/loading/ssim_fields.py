"""Fields of SSIM records: text of fixed columns to values. Pure; one function per form.

Each parser takes the field's text and raises ValueError, with a sentence for people, if the text
does not have the form. They are cached, since a file repeats the same dates, times and codes.

Two-digit years 70 to 99 mean 1970 to 1999, 00 to 69 mean 2000 to 2069.
"""

import datetime as dt
import functools
import re
from typing import Final

MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
OPEN_DATE: Final = "00XXX00"
FIRST_YEAR: Final = 1970
_MONTH_NUMBER: Final = {name: number for number, name in enumerate(MONTHS, 1)}
_DATE: Final = re.compile(r"([0-9]{2})([A-Z]{3})([0-9]{2})")
_CARRIER: Final = re.compile(r"[A-Z0-9]{2,3}")
_MAX_VARIATION: Final = 14 * 60


@functools.lru_cache(maxsize=4_096)
def date(text: str) -> int:
    """DDMMMYY as a proleptic ordinal."""
    match = _DATE.fullmatch(text.upper())
    if not match or match[2] not in _MONTH_NUMBER:
        raise ValueError(f"{text!r} is no date DDMMMYY")
    year = int(match[3])
    try:
        day = dt.date(year + (1900 if year >= 70 else 2000), _MONTH_NUMBER[match[2]], int(match[1]))
    except ValueError:
        raise ValueError(f"{text!r} is a date that does not exist") from None
    return day.toordinal()


@functools.lru_cache(maxsize=4_096)
def open_date(text: str) -> int | None:
    """DDMMMYY as an ordinal; None for the open date 00XXX00."""
    return None if text == OPEN_DATE else date(text)


@functools.lru_cache(maxsize=2_048)
def departure_time(text: str) -> int:
    """HHMM, 0000 to 2359, in minutes."""
    return _time(text, 1_439)


@functools.lru_cache(maxsize=2_048)
def arrival_time(text: str) -> int:
    """HHMM, 0000 to 2400, in minutes."""
    return _time(text, 1_440)


def _time(text: str, last: int) -> int:
    if len(text) != 4 or not text.isdecimal():
        raise ValueError(f"{text!r} is no time HHMM")
    hours, minutes = int(text[:2]), int(text[2:])
    if minutes > 59 or hours * 60 + minutes > last:
        raise ValueError(f"{text!r} is no time between 0000 and {last // 60:02}{last % 60:02}")
    return hours * 60 + minutes


@functools.lru_cache(maxsize=512)
def variation(text: str) -> int:
    """+HHMM or -HHMM (local time minus UTC), in minutes."""
    digits = text[1:]
    if len(text) != 5 or text[0] not in "+-" or not digits.isdecimal() or digits[2:] > "59":
        raise ValueError(f"{text!r} is no UTC variation +HHMM or -HHMM")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes > _MAX_VARIATION:
        raise ValueError(f"{text!r} is more than 14 hours")
    return -minutes if text[0] == "-" else minutes


@functools.lru_cache(maxsize=256)
def days(text: str) -> int:
    """Days of operation as a mask: bit 0 is Monday. Blank and 0 mean a day off."""
    mask = 0
    for place, digit in enumerate(text):
        if digit == str(place + 1):
            mask |= 1 << place
        elif digit not in " 0":
            raise ValueError(f"{text!r} are no days of operation: {digit!r} in place {place + 1}")
    if not mask:
        raise ValueError("no day of operation is given")
    return mask


@functools.lru_cache(maxsize=1_024)
def carrier(text: str) -> str:
    """Airline designator, two or three characters, left-justified."""
    code = text.rstrip()
    if not _CARRIER.fullmatch(code):
        raise ValueError(f"{text!r} is no airline designator")
    return code


@functools.lru_cache(maxsize=16_384)
def flight_number(text: str) -> int:
    """1 to 9999, filled with blanks or zeros on the left (a stray blank on the right is taken)."""
    digits = text.strip()
    if not digits.isdecimal() or not int(digits):
        raise ValueError(f"{text!r} is no flight number 1 to 9999")
    return int(digits)


def letter(text: str) -> str:
    """One letter, or empty for a blank."""
    if text == " ":
        return ""
    if not "A" <= text <= "Z":
        raise ValueError(f"{text!r} is not one letter A-Z")
    return text


@functools.lru_cache(maxsize=128)
def two_digits(text: str) -> int:
    """Two digits, 00 to 99."""
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no number of two digits")
    return int(text)


@functools.lru_cache(maxsize=128)
def ordinal_number(text: str) -> int:
    """Two digits, 01 to 99."""
    digits = text.strip()
    if not digits.isdecimal() or not int(digits):
        raise ValueError(f"{text!r} is no number 01 to 99")
    return int(digits)


def digit(text: str) -> int:
    """One digit; a blank is 0."""
    if text == " ":
        return 0
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no digit")
    return int(text)


def fortnightly(text: str) -> bool:
    """Frequency rate: blank is weekly, 2 is fortnightly."""
    if text not in " 2":
        raise ValueError(f"frequency rate {text!r} is neither blank nor 2")
    return text == "2"


@functools.lru_cache(maxsize=2_048)
def station(text: str) -> str:
    """IATA code of an airport, three letters."""
    if len(text) != 3 or not (text.isascii() and text.isalpha() and text.isupper()):
        raise ValueError(f"{text!r} is no station (three letters A-Z)")
    return text


@functools.lru_cache(maxsize=512)
def aircraft_type(text: str) -> str:
    """IATA aircraft type, up to three characters; empty for blanks."""
    code = text.strip()
    if code and not (code.isascii() and code.isalnum() and code == code.upper()):
        raise ValueError(f"{text!r} is no aircraft type")
    return code


@functools.lru_cache(maxsize=32)
def date_variation(text: str) -> int | None:
    """Days after the day of origin: 0 to 7, or A for the day before; None for a blank."""
    if text == " ":
        return None
    if text == "A":
        return -1
    if text not in "01234567":
        raise ValueError(f"{text!r} is no date variation (0 to 7, A or blank)")
    return int(text)


def format_date(ordinal: int) -> str:
    """An ordinal as DDMMMYY; the year must be 1970 to 2069."""
    day = dt.date.fromordinal(ordinal)
    return f"{day.day:02}{MONTHS[day.month - 1]}{day.year % 100:02}"


def format_time(minutes: int) -> str:
    """Minutes from midnight as HHMM."""
    return f"{minutes // 60:02}{minutes % 60:02}"


def format_variation(minutes: int) -> str:
    """Local time minus UTC as +HHMM or -HHMM."""
    return ("-" if minutes < 0 else "+") + format_time(abs(minutes))


def format_days(mask: int) -> str:
    """A mask of days of operation as seven columns."""
    return "".join(str(place + 1) if mask >> place & 1 else " " for place in range(7))
