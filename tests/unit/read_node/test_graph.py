"""The graph holds what the columns hold, after any edits, however they are batched."""

from hypothesis import given, settings
from hypothesis import strategies as st

from read_node.finding_lists import Kind, slots_of
from read_node.graph import ScheduleGraph
from read_node.legs import NO_SLOT
from read_node.schedule_model import ScheduleModel
from tests.unit.read_node.planner import Planner
from tests.unit.read_node.stories import Story, a_leg, apply_fresh, folded, new_projection


def edges_of_columns(model: ScheduleModel) -> set[tuple[str, str]]:
    legs = model.legs
    edges = set()
    names = {
        slot: f"{legs.leg_id[slot]}/{rotation.id.hex()}"
        for slot, rotation in enumerate(legs.rotation)
        if rotation is not None
    }
    for slot, name in names.items():
        route = legs.routes[legs.route[slot]]
        edges |= {
            (name.partition("/")[2], name),
            (route.departure_airport, name),
            (name, route.arrival_airport),
        }
        if legs.successor[slot] != NO_SLOT:
            edges.add((name, names[legs.successor[slot]]))
    return edges


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_after_random_edits_the_graph_equals_the_columns(data: st.DataObject) -> None:
    planner = Planner(data.draw, again=False)
    projection = new_projection()
    apply_fresh(projection, planner.story)
    model = projection.schedules.get("s05")
    graph = ScheduleGraph(model)
    for _ in range(data.draw(st.integers(1, 4))):
        for _ in range(data.draw(st.integers(1, 12))):
            planner.step()
        apply_fresh(projection, planner.story)
        assert graph.edges() == edges_of_columns(model)
        kept = {slots_of(key) for key in model.lists[Kind.CONTINUITY].ordered()}
        assert graph.continuity_breaks() == kept


def test_a_leg_is_joined_to_its_rotation_airports_and_follower() -> None:
    story = Story()
    story.create_schedule()
    story.create_rotation("r", a_leg("1", 0, 10, "AAA", "BBB"), a_leg("2", 50, 60, "BBB", "CCC"))
    graph = ScheduleGraph(folded(story).schedules.get("s05"))
    assert graph.graph().ecount() == 2 * 3 + 1
    assert graph.continuity_breaks() == set()
