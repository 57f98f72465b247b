import datetime as dt
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from flightmesh.runtime import logs
from flightmesh.runtime.logs import FIELDS, fields

TAKEN = {"time", "level", "logger", "message", "error"}


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def written(log_format: str, level: str = "INFO") -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    logs.set_up(level, log_format, stream)
    return logging.getLogger("part.of.the.mesh"), stream


def line(stream: io.StringIO) -> dict[str, Any]:
    (text,) = stream.getvalue().splitlines()
    values: dict[str, Any] = json.loads(text)
    return values


def test_a_line_of_json_holds_message_and_fields_side_by_side() -> None:
    log, stream = written("json")
    log.warning("shard %s: it is %s", 7, "late", extra=fields(shard=7, epoch=3, shards=[(1, 2)]))
    told = line(stream)
    assert dt.datetime.fromisoformat(told.pop("time")).utcoffset() == dt.timedelta()
    assert told == {
        "level": "WARNING",
        "logger": "part.of.the.mesh",
        "message": "shard 7: it is late",
        "shard": 7,
        "epoch": 3,
        "shards": [[1, 2]],
    }


def test_an_error_with_its_traceback_stays_on_one_line_of_json() -> None:
    log, stream = written("json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.exception("it failed", extra=fields(command_id="c"))
    told = line(stream)
    assert told["command_id"] == "c"
    assert "ValueError: two\nlines" in told["error"]


@pytest.mark.parametrize("value", [object(), 1 << 80, {1: object()}, b"\xff", "\n\"'\x00", None])
def test_no_value_loses_its_line(value: object) -> None:
    log, stream = written("json")
    log.info("told", extra=fields(node=value))
    assert line(stream)["message"] == "told"


def test_text_puts_the_fields_behind_the_message_and_before_the_traceback() -> None:
    log, stream = written("text")
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("it failed", extra=fields(session=5, shard=2))
    first, *rest = stream.getvalue().splitlines()
    assert dt.datetime.fromisoformat(first.split(" ")[0]).utcoffset() == dt.timedelta()
    assert first.endswith("part.of.the.mesh: it failed session=5 shard=2")
    assert rest[0].startswith("Traceback")
    assert rest[-1] == "ValueError: why"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_is_below_the_level_is_not_written(log_format: str) -> None:
    log, stream = written(log_format, "WARNING")
    log.info("not this")
    assert stream.getvalue() == ""


def test_a_field_that_is_not_listed_is_refused() -> None:
    with pytest.raises(AssertionError, match="shrad"):
        fields(shrad=1)


def test_no_field_hides_what_every_line_has() -> None:
    assert not TAKEN & FIELDS.keys()
