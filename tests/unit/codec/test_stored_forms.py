"""What is stored is read back as it was; what cannot be read is an error."""

import dataclasses

import msgspec
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.api.schedule.v1 import events_pb2
from flightmesh.api.shard.v1 import command_service_pb2
from flightmesh.codec import entries, public, wire
from flightmesh.codec.events import EventCodec, event_of, message_of
from flightmesh.codec.snapshots import decode_snapshot, encode_snapshot
from flightmesh.domain import events as e
from flightmesh.errors import CorruptData, UnknownEventType
from flightmesh.eventsourcing import EncodedEvent, Origin, Rejection
from flightmesh.eventsourcing.cell import SavedState
from flightmesh.eventsourcing.record import PlacedRecord, Record
from flightmesh.eventsourcing.window import Remembered
from flightmesh.ids import AggregateId, CommandId, LegId, id_text, schedule_aggregate_id
from tests.unit.domain.strategies import ground, leg_ids, legs, minutes, offsets, rules

uuids = st.binary(min_size=16, max_size=16).map(id_text)
texts = st.text(max_size=8)
codes = st.sampled_from(("", "733"))
numbers = st.integers(0, 1 << 62)
hashes = st.binary(min_size=16, max_size=16)

events = st.one_of(
    st.builds(e.ScheduleCreated, texts, numbers, texts, rules),
    st.builds(e.ScheduleDeleted),
    st.builds(e.FindingRulesChanged, rules),
    st.builds(e.RotationCreated, texts, numbers, texts),
    st.builds(e.LegAdded, legs()),
    st.builds(e.LegRemoved, leg_ids),
    st.builds(e.LegTimesChanged, leg_ids, minutes, minutes, offsets, offsets),
    st.builds(e.RotationRemoved),
    st.builds(e.RotationAssignedToAirplane, uuids.map(AggregateId), codes),
    st.builds(e.RotationUnassigned),
    st.builds(e.AirplaneRegistered, texts, numbers, codes, codes, ground),
    st.builds(e.AirplaneChanged, codes, ground),
    st.builds(e.AirplaneRetired),
    st.builds(e.AirportDefined, texts, numbers, codes, ground, texts),
)
rejections = st.builds(Rejection, texts, texts, st.dictionaries(texts, texts, max_size=2))
origins = st.just(Origin()) | st.builds(Origin, texts, texts, texts, texts)
encoded_events = st.builds(
    EncodedEvent, st.sampled_from(("LegAdded", "Other")), st.integers(1, 3), st.binary(max_size=300)
)
records = st.builds(
    Record,
    uuids.map(CommandId),
    hashes,
    st.integers(0, 1 << 16),
    uuids.map(AggregateId),
    texts,
    texts,
    st.just(0),
    numbers,
    st.just(()),
    st.none() | rejections,
    st.lists(texts, max_size=2).map(tuple),
    origins,
) | st.builds(
    Record,
    uuids.map(CommandId),
    hashes,
    st.integers(0, 1 << 16),
    uuids.map(AggregateId),
    texts,
    texts,
    st.integers(1, 1 << 40),
    numbers,
    st.lists(encoded_events, min_size=1, max_size=4).map(tuple),
    st.none(),
    st.just(()),
    origins,
)


def test_every_event_class_is_encoded_under_its_name() -> None:
    fields = events_pb2.Event.DESCRIPTOR.fields
    names = {field.message_type.name for field in fields if field.message_type is not None}
    classes = {c for c in vars(e).values() if isinstance(c, type) and c.__module__ == e.__name__}
    assert {c.__name__ for c in classes} == names


@examples(events)
def test_every_event_is_read_back_as_it_was(event: e.Event) -> None:
    assert event_of(message_of(event)) == event
    encoded = EventCodec().encode(event)
    assert (encoded.type, encoded.version) == (type(event).__name__, 1)
    assert EventCodec().decode(encoded) == event


def test_an_old_version_is_upcast_step_by_step() -> None:
    old = e.LegRemoved(LegId("00000000-0000-4000-8000-000000000001"))
    stored = EventCodec().encode(old)

    def rename(payload: bytes) -> bytes:
        message = events_pb2.LegRemoved.FromString(payload)
        message.leg_id += "-v"
        return message.SerializeToString()

    codec = EventCodec({"LegRemoved": 3}, {("LegRemoved", 1): rename, ("LegRemoved", 2): rename})
    assert codec.decode(stored) == e.LegRemoved(LegId(old.leg_id + "-v-v"))
    second = EncodedEvent("LegRemoved", 2, stored.payload)
    assert codec.decode(second) == e.LegRemoved(LegId(old.leg_id + "-v"))
    third = codec.encode(old)
    assert third.version == 3
    assert codec.decode(third) == old


@pytest.mark.parametrize(("name", "version"), [("LegLost", 1), ("LegRemoved", 2), ("LegAdded", 0)])
def test_an_event_from_the_future_is_an_error(name: str, version: int) -> None:
    with pytest.raises(UnknownEventType) as caught:
        EventCodec().decode(EncodedEvent(name, version, b""))
    assert (caught.value.event_type, caught.value.version) == (name, version)


def test_a_payload_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(CorruptData):
        EventCodec().decode(EncodedEvent("LegAdded", 1, b"\x0a\xff"))


@examples(records)
def test_a_record_is_read_back_as_it_was(record: Record) -> None:
    data = entries.encode_record(record)
    assert entries.decode_record(data) == record
    # And it is what protobuf itself would have written, whoever reads it.
    assert entry_pb2.Record.FromString(data).command_id.hex() == record.command_id.replace("-", "")


@examples(st.lists(records, max_size=4), numbers, numbers, st.integers(0, 1 << 60))
def test_an_entry_is_read_back_as_it_was(
    written: list[Record], ledger: int, number: int, time_us: int
) -> None:
    data = entries.encode_entry(ledger, number, time_us, map(entries.encode_record, written))
    assert entries.decode_entry(data)[:3] == (ledger, number, time_us)
    assert [entries.record_of(m) for m in entries.decode_entry(data)[3]] == written
    assert entry_pb2.Entry.FromString(data).format == entries.FORMAT


@examples(st.lists(records, max_size=4), numbers, numbers, st.integers(0, 1 << 60))
def test_an_index_chunk_is_read_back_as_it_was(
    written: list[Record], ledger: int, entry: int, time_us: int
) -> None:
    prefix = entries.place_prefix(ledger, entry, time_us)
    data = b"".join(entries.encode_indexed(prefix, entries.encode_record(r)) for r in written)
    assert entries.decode_chunk(data) == [PlacedRecord(ledger, entry, time_us, r) for r in written]


def test_what_is_no_entry_is_an_error() -> None:
    for data in (b"\x0a\xff", entry_pb2.Entry(format=2).SerializeToString(), b""):
        with pytest.raises(CorruptData):
            entries.decode_entry(data)
    with pytest.raises(CorruptData):
        entries.decode_record(b"")
    with pytest.raises(CorruptData):
        entries.decode_record(b"\xff")
    with pytest.raises(CorruptData):
        entries.decode_chunk(b"\x0a\xff")


saved_states = st.builds(
    SavedState,
    texts,
    texts,
    st.integers(1, 1 << 40),
    st.binary(max_size=50),
    st.lists(
        st.tuples(
            uuids.map(CommandId),
            st.builds(
                Remembered,
                hashes,
                numbers,
                numbers,
                numbers,
                numbers,
                st.none() | rejections,
                st.lists(texts, max_size=2).map(tuple),
            ),
        ),
        max_size=3,
    ).map(tuple),
    st.just("") | uuids,
)


@examples(saved_states)
def test_a_snapshot_is_read_back_as_it_was(saved: SavedState) -> None:
    assert decode_snapshot(encode_snapshot(saved)) == saved


@examples(saved_states, st.data())
def test_a_snapshot_with_a_changed_byte_is_an_error(saved: SavedState, data: st.DataObject) -> None:
    stored = encode_snapshot(saved)
    place = data.draw(st.integers(0, len(stored.data) - 1))
    broken = bytearray(stored.data)
    broken[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptData):
        decode_snapshot(dataclasses.replace(stored, data=bytes(broken)))


@examples(st.integers(0, (1 << 64) - 1))
def test_varints_are_what_protobuf_writes(value: int) -> None:
    tag = wire.number_tag(2)
    assert (
        tag + wire.varint(value) == entry_pb2.Entry(ledger=value).SerializeToString() or not value
    )


@examples(records.filter(lambda r: r.rejection is None), st.lists(events, max_size=3))
def test_a_reply_is_what_protobuf_reads(record: Record, made: list[e.Event]) -> None:
    codec = EventCodec()
    record = msgspec.structs.replace(
        record,
        events=tuple(codec.encode(event) for event in made),
        aggregate_sequence=record.aggregate_sequence + len(made),
    )
    data = public.encode_response(
        record.aggregate_id,
        record.command_id,
        record.aggregate_sequence,
        public.position_field(7, 9),
        events=public.recorded_events(record, codec),
        warnings=record.warnings,
    )
    reply = command_service_pb2.ExecuteResponse.FromString(data)
    assert (reply.aggregate_id, reply.command_id) == (record.aggregate_id, record.command_id)
    assert (reply.sequence, reply.position) == (record.aggregate_sequence, "7:9")
    assert tuple(reply.warnings) == record.warnings
    first = record.aggregate_sequence - len(made) + 1
    assert [r.sequence for r in reply.events] == list(range(first, first + len(made)))
    told = [getattr(r.event, r.event.WhichOneof("event") or "") for r in reply.events]
    assert [event_of(message) for message in told] == made


def test_the_id_of_a_schedule_never_changes() -> None:
    assert schedule_aggregate_id("s05") == "b7a36c9a-882c-58d9-8203-06dacb312c74"
