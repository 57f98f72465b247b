"""Draws what planners may do, so that a story holds only what the write side would accept."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from flightmesh.domain.values import FindingRules, Leg
from tests.unit.read_node.stories import Story, a_leg, name_id

ROTATIONS = ["r1", "r2", "r3", "r4"]
AIRPLANES = ["D-AAAA", "D-BBBB"]
AIRPORTS = ["AAA", "BBB", "CCC"]
TYPES = ["", "733", "320"]


class Planner:
    """Draws commands that the write side would accept, and tells their events to a story."""

    def __init__(self, draw: Any, again: bool = True) -> None:
        self.draw = draw
        self.story = Story()
        self.story.create_schedule()
        self.rotations: dict[str, dict[str, Leg]] = {}
        self.assigned: dict[str, str] = {}
        self.airplanes: set[str] = set()
        self.count = 0
        # Whether the schedule may be deleted and created again.
        self.steps = STEPS if again else [step for step in STEPS if step != "again"]

    def step(self) -> None:
        getattr(self, "do_" + self.draw(st.sampled_from(self.steps)))()

    def times(self, legs: dict[str, Leg], leaving: str = "") -> tuple[int, int] | None:
        departure = self.draw(st.integers(0, 40)) * 30
        arrival = departure + self.draw(st.sampled_from([30, 60, 90, 300]))
        for leg in legs.values():
            if leg.leg_id != leaving and departure < leg.arrival and leg.departure < arrival:
                return None
        return departure, arrival

    def do_add(self) -> None:
        name = self.draw(st.sampled_from(ROTATIONS))
        if name not in self.rotations:
            self.story.create_rotation(name)
            self.rotations[name] = {}
        legs = self.rotations[name]
        times = self.times(legs)
        if times is None:
            return
        self.count += 1
        # Sometimes the id of a leg that is in another rotation too.
        label = self.draw(st.sampled_from([f"leg{self.count}", f"leg{max(1, self.count - 1)}"]))
        leg = a_leg(
            label,
            *times,
            origin=self.draw(st.sampled_from(AIRPORTS)),
            destination=self.draw(st.sampled_from(AIRPORTS)),
            number=self.draw(st.integers(1, 3)),
            aircraft_type=self.draw(st.sampled_from(TYPES)),
        )
        if leg.leg_id not in legs:
            legs[leg.leg_id] = leg
            self.story.add_legs(name_id("rotation", name), leg)

    def chosen(self) -> tuple[str, Leg] | None:
        present = [(name, leg) for name, legs in self.rotations.items() for leg in legs.values()]
        return self.draw(st.sampled_from(present)) if present else None

    def do_remove(self) -> None:
        chosen = self.chosen()
        if chosen:
            name, leg = chosen
            del self.rotations[name][leg.leg_id]
            self.story.remove_leg(name_id("rotation", name), leg.leg_id)

    def do_move(self) -> None:
        chosen = self.chosen()
        times = self.times(self.rotations[chosen[0]], chosen[1].leg_id) if chosen else None
        if chosen and times:
            name, leg = chosen
            departure, arrival = times
            moved = msgspec.structs.replace(leg, departure=departure, arrival=arrival)
            self.rotations[name][leg.leg_id] = moved
            self.story.move_leg(name_id("rotation", name), leg.leg_id, *times)

    def do_end_rotation(self) -> None:
        if self.rotations:
            name = self.draw(st.sampled_from(sorted(self.rotations)))
            del self.rotations[name]
            self.story.remove_rotation(name_id("rotation", name))

    def do_assign(self) -> None:
        if self.rotations:
            name = self.draw(st.sampled_from(sorted(self.rotations)))
            airplane = self.draw(st.sampled_from([*AIRPLANES, ""]))
            rotation = name_id("rotation", name)
            if airplane:
                self.story.assign(rotation, name_id("airplane", airplane), airplane)
            else:
                self.story.unassign(rotation)

    def do_airplane(self) -> None:
        name = self.draw(st.sampled_from(AIRPLANES))
        aircraft_type = self.draw(st.sampled_from(TYPES))
        minimum = self.draw(st.sampled_from([None, 0, 30, 60]))
        if name not in self.airplanes:
            self.airplanes.add(name)
            self.story.register(name, aircraft_type, minimum)
        elif self.draw(st.booleans()):
            self.story.change_airplane(name, aircraft_type, minimum)
        else:
            self.airplanes.discard(name)
            self.story.retire(name)

    def do_airport(self) -> None:
        minimum = self.draw(st.sampled_from([None, 0, 45, 90]))
        self.story.define_airport(self.draw(st.sampled_from(AIRPORTS)), minimum)

    def do_rules(self) -> None:
        self.story.change_rules(FindingRules(*(self.draw(st.booleans()) for _ in range(3))))

    def do_again(self) -> None:
        self.story.delete_schedule()
        self.story.create_schedule()
        self.rotations.clear()
        self.airplanes.clear()


STEPS = ["add"] * 12 + ["remove", "move", "end_rotation", "airplane", "airport", "rules"]
STEPS += ["move", "assign", "assign", "assign", "again"]
