"""Schedules, airplanes and airports."""

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from flightmesh.domain import commands as c
from flightmesh.domain import events as e
from flightmesh.domain.schedule import ScheduleState
from flightmesh.domain.values import FindingRules
from flightmesh.schedule_model import ScheduleModel
from flightmesh.testing.given_when_then import Story, given
from tests.unit.domain.strategies import airplane_commands, airport_commands, schedule_commands

SCHEDULE = ScheduleState("s05", 1, True)
ALL = FindingRules()
SOME = FindingRules(aircraft_type=False)
CREATED = e.ScheduleCreated("s05", 1, "Summer", ALL)
REGISTERED = e.AirplaneRegistered("s05", 1, "N971AT", "733", 40)
DEFINED = e.AirportDefined("s05", 1, "MRS", 40, "Europe/Paris")


def story_of(kind: str, *events: object) -> Story:
    scope_state = None if kind == "schedule" else SCHEDULE
    return given(ScheduleModel(), kind, scope="s05", scope_state=scope_state).after(*events)


def test_a_schedule_is_created_changed_and_deleted() -> None:
    story = story_of("schedule")
    story.when(c.CreateSchedule("s05", "Summer")).then(CREATED)
    story.when(c.CreateSchedule("s05")).then_refused("SCHEDULE_EXISTS", schedule="s05")
    story.when(c.ChangeFindingRules(ALL)).then_nothing()
    story.when(c.ChangeFindingRules(SOME)).then(e.FindingRulesChanged(SOME))
    story.when(c.DeleteSchedule()).then(e.ScheduleDeleted())


def test_a_schedule_created_again_is_a_new_incarnation() -> None:
    story = story_of("schedule", CREATED, e.ScheduleDeleted())
    story.when(c.CreateSchedule("s05")).then(e.ScheduleCreated("s05", 2, "", ALL))


@pytest.mark.parametrize("command", [c.DeleteSchedule(), c.ChangeFindingRules(SOME)])
def test_a_schedule_that_does_not_exist_refuses(command: object) -> None:
    story_of("schedule").when(command).then_refused("SCHEDULE_NOT_FOUND")
    story_of("schedule", CREATED, e.ScheduleDeleted()).when(command).then_refused(
        "SCHEDULE_DELETED"
    )


def test_an_airplane_is_registered_changed_and_retired() -> None:
    story = story_of("airplane")
    story.when(c.RegisterAirplane("N971AT", "733", 40)).then(REGISTERED)
    story.when(c.RegisterAirplane("N971AT")).then_refused("AIRPLANE_EXISTS")
    story.when(c.ChangeAirplane("733", 40)).then_nothing()
    story.when(c.ChangeAirplane("734", None)).then(e.AirplaneChanged("734", None))
    story.when(c.RetireAirplane()).then(e.AirplaneRetired())


@pytest.mark.parametrize("command", [c.ChangeAirplane("733"), c.RetireAirplane()])
def test_an_airplane_that_is_not_there_refuses(command: object) -> None:
    story_of("airplane").when(command).then_refused("AIRPLANE_NOT_FOUND")
    story_of("airplane", REGISTERED, e.AirplaneRetired()).when(command).then_refused(
        "AIRPLANE_RETIRED"
    )


def test_an_airplane_of_an_earlier_incarnation_counts_as_retired() -> None:
    story = story_of("airplane", REGISTERED)
    story.scope_state = ScheduleState("s05", 2, True)
    story.when(c.ChangeAirplane("734")).then_refused("AIRPLANE_RETIRED")
    story.when(c.RegisterAirplane("N971AT")).then(
        e.AirplaneRegistered("s05", 2, "N971AT", "", None)
    )


def test_an_airport_is_defined_and_defined_otherwise() -> None:
    story = story_of("airport")
    story.when(c.DefineAirport("MRS", 40, "Europe/Paris")).then(DEFINED)
    story.when(c.DefineAirport("MRS", 40, "Europe/Paris")).then_nothing()
    story.when(c.DefineAirport("MRS")).then(e.AirportDefined("s05", 1, "MRS", None, ""))
    story.when(c.DefineAirport("CDG")).then_refused("AIRPORT_MISMATCH", iata="MRS")


def test_an_airport_outside_the_reference_data_is_warned_of() -> None:
    model = ScheduleModel(lambda _: False)
    story = given(model, "airport", scope="s05", scope_state=SCHEDULE)
    story.when(c.DefineAirport("MRS")).then_warned("UNKNOWN_AIRPORT")


@examples(st.lists(schedule_commands, max_size=20))
def test_schedules_keep_the_rules_of_a_fold(commands: list[object]) -> None:
    story = story_of("schedule")
    for command in commands:
        story.when(command)
    assert story.state.incarnation == sum(isinstance(x, e.ScheduleCreated) for x in story.events)


@examples(st.lists(airplane_commands, max_size=20))
def test_airplanes_keep_the_rules_of_a_fold(commands: list[object]) -> None:
    story = story_of("airplane")
    for command in commands:
        story.when(command)


@examples(st.lists(airport_commands, max_size=20))
def test_airports_keep_the_rules_of_a_fold(commands: list[object]) -> None:
    story = story_of("airport")
    for command in commands:
        story.when(command)
