"""The findings kept as events arrive equal those computed from scratch, in every interleaving."""

from hypothesis import given, settings
from hypothesis import strategies as st

from read_node.translate import replies
from tests.unit.read_node.planner import Planner
from tests.unit.read_node.stories import folded, kept_findings, plain_findings


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_kept_findings_equal_an_oracle_whatever_the_order_of_shards(data: st.DataObject) -> None:
    planner = Planner(data.draw)
    for _ in range(data.draw(st.integers(5, 45))):
        planner.step()
    expected = plain_findings(planner.story)
    order = data.draw(st.lists(st.integers(0, 7), max_size=80))
    settle_each = data.draw(st.booleans())
    model = folded(planner.story, order, settle_each).schedules.get("s05")
    kept = kept_findings(model)
    assert sorted(kept) == sorted(expected)
    other = folded(planner.story).schedules.get("s05")
    assert kept == kept_findings(other)
    assert replies.schedule_summary(model) == replies.schedule_summary(other)
