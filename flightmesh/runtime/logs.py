"""Logging, set up once by each main. Fields are passed as `extra={"fields": {...}}`."""

import datetime as dt
import logging
import sys
from typing import Final, TextIO, final

import msgspec

# Every field that logs use, named once.
SHARD: Final = "shard"
EPOCH: Final = "epoch"
SESSION: Final = "session"
LEDGER: Final = "ledger"
ENTRY: Final = "entry"
COMMAND_ID: Final = "command_id"
AGGREGATE_ID: Final = "aggregate_id"
NODE: Final = "node"


def fields(**values: object) -> dict[str, dict[str, object]]:
    """The `extra` argument for structured fields."""
    return {"fields": values}


@final
class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


@final
class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        values = getattr(record, "fields", {})
        head, newline, rest = text.partition("\n")
        return head + "".join(f" {k}={v}" for k, v in values.items()) + newline + rest


def set_up(level: str = "INFO", log_format: str = "text", stream: TextIO | None = None) -> None:
    """Sends all logs to stderr (or a stream) in one format."""
    handler = logging.StreamHandler(stream or sys.stderr)
    if log_format == "json":
        handler.setFormatter(_JsonFormatter())
    else:
        handler.setFormatter(
            _TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # It logs each start of its workers; the launcher says where it listens.
    logging.getLogger("_granian").setLevel("WARNING")
