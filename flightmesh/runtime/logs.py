"""Logging, set up once by each main. Structured fields are passed as `extra=fields(...)`."""

import datetime as dt
import logging
import sys
import time
from collections.abc import Mapping
from typing import Final, TextIO, final

import msgspec

FIELDS: Final[Mapping[str, str]] = {
    "node": "name of the node or process that the line is about",
    "session": "number of a shard node's session",
    "ledger": "number of a ledger; a session's ledger has the session's number",
    "segment": "number of a segment of the ledger",
    "entry": "number of an entry of the ledger",
    "shard": "number of a shard",
    "epoch": "epoch of the shard's assignment",
    "shards": "several shards: pairs of shard and epoch",
    "target": "session that is to get the shards; 0 where none is chosen",
    "token": "fencing token of a leadership",
    "aggregate_id": "id of an aggregate",
    "schedule": "name of a schedule",
    "command_id": "id of a command",
    "sequence": "sequence of an aggregate's event",
    "repeats": "how often something was tried or met again",
    "records": "number of records",
    "entries": "number of entries",
    "seconds": "how long it took",
    "request_id": "id of an HTTP request",
}
"""Every field that logs use, with its meaning."""


def fields(**values: object) -> dict[str, dict[str, object]]:
    """The `extra` argument for structured fields, which FIELDS names."""
    assert values.keys() <= FIELDS.keys(), values.keys() - FIELDS.keys()
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
        # A value that JSON does not know must not lose the line.
        return msgspec.json.encode(line, enc_hook=str).decode()


@final
class _TextFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

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
            _TextFormatter(
                "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s",
                "%Y-%m-%dT%H:%M:%S",
            )
        )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # It logs each start of its workers; the launcher says where it listens.
    logging.getLogger("_granian").setLevel("WARNING")
    # The driver tells of each attempt; the store's adapter tells what comes of them.
    logging.getLogger("cassandra").setLevel("ERROR")
