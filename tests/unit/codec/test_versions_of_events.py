"""Every event ever stored can be read: today's bytes, and all versions before the newest."""

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from flightmesh.codec.events import EventCodec, Upcaster
from flightmesh.domain import events as e
from flightmesh.domain.values import FindingRules, Leg, Minute
from flightmesh.errors import UnknownEventType
from flightmesh.eventsourcing import EncodedEvent
from flightmesh.ids import AggregateId, LegId
from tests.unit.codec.test_stored_forms import events

LEG = LegId("00000000-0000-4000-8000-000000000001")
PLANE = AggregateId("00000000-0000-4000-8000-0000000000aa")
RULES = FindingRules(True, False, True)
FLIGHT = Leg(
    LEG,
    "A1",
    4321,
    "A",
    "2005-06-14",
    "MRS",
    "CDG",
    Minute(18_600_000),
    Minute(18_600_090),
    120,
    -60,
    "733",
    "J",
)
# Version 1 of each type as it is in journals. A line here may be added, never changed: a type that
# gets a second version keeps its line, which from then on tests the upcaster.
STORED: dict[str, tuple[e.Event, str]] = {
    "ScheduleCreated": (
        e.ScheduleCreated("s05", 2, "Summer", RULES),
        "0a0373303510021a0653756d6d6572220408011801",
    ),
    "ScheduleDeleted": (e.ScheduleDeleted(), ""),
    "FindingRulesChanged": (e.FindingRulesChanged(RULES), "0a0408011801"),
    "RotationCreated": (e.RotationCreated("s05", 2, "line 7"), "0a0373303510021a066c696e652037"),
    "LegAdded": (
        e.LegAdded(FLIGHT),
        "0a630a2430303030303030302d303030302d343030302d383030302d3030303030303030303030311202413118e1212201412a0a323030352d30362d313432034d52533a03434447420608809e9394044a060898c893940450f001587762033733336a014a",
    ),
    "LegRemoved": (
        e.LegRemoved(LEG),
        "0a2430303030303030302d303030302d343030302d383030302d303030303030303030303031",
    ),
    "LegTimesChanged": (
        e.LegTimesChanged(LEG, Minute(18_600_030), Minute(18_600_110), 120, -60),
        "0a2430303030303030302d303030302d343030302d383030302d30303030303030303030303112060888ac9394041a0608c8d193940420f0012877",
    ),
    "RotationRemoved": (e.RotationRemoved(), ""),
    "RotationAssignedToAirplane": (
        e.RotationAssignedToAirplane(PLANE, "N971AT"),
        "0a2430303030303030302d303030302d343030302d383030302d30303030303030303030616112064e3937314154",
    ),
    "RotationUnassigned": (e.RotationUnassigned(), ""),
    "AirplaneRegistered": (
        e.AirplaneRegistered("s05", 2, "N971AT", "733", 35),
        "0a0373303510021a064e393731415422033733332823",
    ),
    "AirplaneChanged": (e.AirplaneChanged("", None), ""),
    "AirplaneRetired": (e.AirplaneRetired(), ""),
    "AirportDefined": (
        e.AirportDefined("s05", 2, "MRS", 0, "Europe/Paris"),
        "0a0373303510021a034d525320002a0c4575726f70652f5061726973",
    ),
}


def _class_of(name: str) -> type:
    found: type = getattr(e, name)
    return found


def _step_down(version: int, payload: bytes) -> bytes:
    """What a payload was in the version before: with a mark of its own at its end."""
    return payload + bytes([version])


def _step_up(version: int) -> Upcaster:
    def upcast(payload: bytes) -> bytes:
        assert payload[-1] == version, "upcasters must be called one by one, oldest first"
        return payload[:-1]

    return upcast


@examples(events, st.integers(1, 5), st.data())
def test_an_event_of_any_type_is_read_back_from_every_version(
    event: e.Event, newest: int, data: st.DataObject
) -> None:
    name = type(event).__name__
    codec = EventCodec({name: newest}, {(name, v): _step_up(v) for v in range(1, newest)})
    stored = codec.encode(event)
    assert stored.version == newest

    version = data.draw(st.integers(1, newest))
    payload = stored.payload
    for each in range(newest - 1, version - 1, -1):
        payload = _step_down(each, payload)

    assert codec.decode(EncodedEvent(name, version, payload)) == event
    with pytest.raises(UnknownEventType):
        codec.decode(EncodedEvent(name, newest + 1, payload))


@pytest.mark.parametrize("name", sorted(STORED))
def test_what_journals_hold_of_each_type_is_still_read(name: str) -> None:
    event, payload = STORED[name]

    assert EventCodec().decode(EncodedEvent(name, 1, bytes.fromhex(payload))) == event


def test_there_is_a_stored_example_of_every_type() -> None:
    classes = {c for c in vars(e).values() if isinstance(c, type) and c.__module__ == e.__name__}
    assert {type(event) for event, _ in STORED.values()} == classes
    assert all(type(event) is _class_of(name) for name, (event, _) in STORED.items())
