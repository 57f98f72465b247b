"""How messages of the bus look in NATS.

An entry goes to `<prefix>.ledger.<ledger>` with its bytes as the payload and the header
`Nats-Msg-Id: <ledger>:<number>`, by which JetStream drops what it was sent before. A heartbeat goes
to `<prefix>.head.<ledger>` with the head in decimal digits as the payload; no stream keeps it. One
subscription to `<prefix>.*.*` gets both in the order in which they were sent.
"""

from collections.abc import Mapping
from typing import Final

from flightmesh.errors import CorruptData
from flightmesh.event_bus import BusMessage, LedgerHeartbeat, PublishedEntry

MESSAGE_ID: Final = "Nats-Msg-Id"
_ENTRY: Final = "ledger"
_HEARTBEAT: Final = "head"
_MOST_DIGITS: Final = 20


def all_subjects(prefix: str) -> str:
    """Pattern of the subjects of all messages."""
    return f"{prefix}.*.*"


def entry_subjects(prefix: str) -> str:
    """Pattern of the subjects that a stream keeps."""
    return f"{prefix}.{_ENTRY}.*"


def encode(prefix: str, message: BusMessage) -> tuple[str, bytes, dict[str, str] | None]:
    """Subject, payload and headers of a message."""
    if isinstance(message, PublishedEntry):
        headers = {MESSAGE_ID: f"{message.ledger}:{message.number}"}
        return f"{prefix}.{_ENTRY}.{message.ledger}", message.data, headers
    return f"{prefix}.{_HEARTBEAT}.{message.ledger}", str(message.head).encode(), None


def decode(subject: str, payload: bytes, headers: Mapping[str, str] | None) -> BusMessage:
    """The message that was sent so.

    Raises:
        CorruptData: nothing of ours was sent so.
    """
    _, kind, told = ("", "", *subject.split("."))[-3:]
    if kind == _ENTRY:
        ledger, _, number = (headers or {}).get(MESSAGE_ID, "").partition(":")
        if ledger != told:
            raise CorruptData(f"the id of a message on {subject} names ledger {ledger!r}")
        return PublishedEntry(_natural(ledger), _natural(number), payload)
    if kind != _HEARTBEAT:
        raise CorruptData(f"{subject!r} is no subject of ours")
    text = payload[: _MOST_DIGITS + 1].decode("ascii", "replace")
    return LedgerHeartbeat(_natural(told), -1 if text == "-1" else _natural(text))


def _natural(text: str) -> int:
    # Digits of other scripts pass isdecimal() and int(); nobody here writes them.
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise CorruptData(f"{text!r} on the bus is not a number")
    return int(text)
