"""How messages of the bus look in NATS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightmesh.errors import CorruptData
from flightmesh.event_bus import BusMessage, LedgerHeartbeat, PublishedEntry
from flightmesh.event_bus.jetstream_wire import all_subjects, decode, encode, entry_subjects

numbers = st.integers(0, 2**63 - 1)
prefixes = st.sampled_from(["flightmesh", "a.b", "ledger", "head", "x.ledger"])
messages = st.builds(PublishedEntry, numbers, numbers, st.binary(max_size=50)) | st.builds(
    LedgerHeartbeat, numbers, numbers | st.just(-1)
)


@given(prefixes, messages)
def test_what_is_encoded_is_decoded(prefix: str, message: BusMessage) -> None:
    assert decode(*encode(prefix, message)) == message


@given(prefixes, messages)
def test_every_message_is_on_a_subject_that_is_listened_to(
    prefix: str, message: BusMessage
) -> None:
    subject = encode(prefix, message)[0].split(".")
    patterns = [all_subjects(prefix).split("."), entry_subjects(prefix).split(".")]
    matches = [
        len(pattern) == len(subject)
        and all(part in ("*", have) for part, have in zip(pattern, subject, strict=True))
        for pattern in patterns
    ]
    assert matches == [True, isinstance(message, PublishedEntry)]


@given(
    st.text(max_size=30),
    st.binary(max_size=30),
    st.none() | st.dictionaries(st.sampled_from(["Nats-Msg-Id", "other"]), st.text(max_size=20)),
)
def test_what_others_send_is_refused_or_read_and_nothing_else(
    subject: str, payload: bytes, headers: dict[str, str] | None
) -> None:
    try:
        message = decode(subject, payload, headers)
    except CorruptData:
        return
    assert message.ledger >= 0


@pytest.mark.parametrize(
    ("subject", "payload", "headers"),
    [
        ("f.ledger.1", b"", None),
        ("f.ledger.1", b"", {"Nats-Msg-Id": "2:0"}),
        ("f.ledger.1", b"", {"Nats-Msg-Id": "1:-1"}),
        ("f.ledger.1", b"", {"Nats-Msg-Id": "1:"}),
        ("f.ledger.x", b"", {"Nats-Msg-Id": "x:0"}),
        ("f.ledger.\u0661", b"", {"Nats-Msg-Id": "\u0661:0"}),
        ("f.head.1", b"", None),
        ("f.head.1", b"-2", None),
        ("f.head.1", b"9" * 30, None),
        ("f.head.", b"1", None),
        ("f.other.1", b"1", None),
        ("", b"1", None),
    ],
)
def test_a_malformed_message_is_refused(
    subject: str, payload: bytes, headers: dict[str, str] | None
) -> None:
    with pytest.raises(CorruptData):
        decode(subject, payload, headers)
