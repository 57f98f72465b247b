"""Random values and commands of the domain; few distinct ones, so that they meet."""

from hypothesis import strategies as st

from flightmesh.domain import commands as c
from flightmesh.domain.values import FindingRules, Leg, Minute
from flightmesh.ids import AggregateId, LegId

BASE = 18_600_000

leg_ids = st.integers(0, 7).map(lambda n: LegId(f"00000000-0000-4000-8000-00000000000{n}"))
minutes = st.integers(0, 60).map(lambda n: n * 10 + BASE)
offsets = st.integers(-840, 840)
airports = st.sampled_from(("MRS", "CDG", "ORY", "XXQ"))
rules = st.builds(FindingRules, st.booleans(), st.booleans(), st.booleans())
ground = st.none() | st.integers(0, 10_080)


@st.composite
def legs(draw: st.DrawFn) -> Leg:
    departure = draw(minutes)
    return Leg(
        draw(leg_ids),
        draw(st.sampled_from(("XX", "A1", "ABC"))),
        draw(st.integers(1, 9999)),
        draw(st.sampled_from(("", "A"))),
        "2005-06-14",
        draw(airports),
        draw(airports),
        Minute(departure),
        Minute(departure + draw(st.integers(1, 90))),
        draw(offsets),
        draw(offsets),
        draw(st.sampled_from(("", "733"))),
        draw(st.sampled_from(("", "J"))),
    )


@st.composite
def new_times(draw: st.DrawFn) -> c.ChangeLegTimes:
    departure = draw(minutes)
    arrival = Minute(departure + draw(st.integers(1, 90)))
    return c.ChangeLegTimes(
        draw(leg_ids),
        Minute(departure),
        arrival,
        draw(st.none() | offsets),
        draw(st.none() | offsets),
    )


rotation_commands = st.one_of(
    st.builds(c.CreateRotation, st.sampled_from(("", "line 7"))),
    st.builds(c.AddLeg, legs()),
    st.builds(c.AddLeg, legs()),
    st.builds(c.AddLegs, st.lists(legs(), min_size=1, max_size=4).map(tuple)),
    st.builds(c.RemoveLeg, leg_ids),
    new_times(),
    st.builds(c.RemoveRotation),
    st.builds(
        c.AssignRotationToAirplane,
        st.just(AggregateId("00000000-0000-4000-8000-0000000000aa")),
        st.sampled_from(("", "N971AT")),
    ),
    st.builds(c.UnassignRotation),
)
airplane_commands = st.one_of(
    st.builds(c.RegisterAirplane, st.just("N971AT"), st.sampled_from(("", "733")), ground),
    st.builds(c.ChangeAirplane, st.sampled_from(("", "733")), ground),
    st.builds(c.RetireAirplane),
)
airport_commands = st.builds(
    c.DefineAirport, st.sampled_from(("MRS", "CDG")), ground, st.just("Europe/Paris")
)
schedule_commands = st.one_of(
    st.builds(c.CreateSchedule, st.just("s05"), st.sampled_from(("", "Summer")), rules),
    st.builds(c.DeleteSchedule),
    st.builds(c.ChangeFindingRules, rules),
)
