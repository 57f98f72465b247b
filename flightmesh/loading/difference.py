"""From what a schedule holds to what a plan says: the commands that are missing. Pure.

The same plan against the state that its commands lead to gives no command; a load that was cut off
anywhere is finished by the difference against what it left. Legs that the plan does not name stay.

What is done about a stored leg that the plan names:
- It differs in times only: ChangeLegTimes under `replace`; else it stays, and that is reported.
- It differs otherwise: taken out and added anew under `replace`; else it stays, and is reported.
- It is in another rotation: moved if a file names the rotation, or under `replace`. A rotation that
  was only derived (by flight, or onward flights) does not undo what planners have arranged.
- The file's leg would overlap a stored leg that stays: it is left out, and that is reported.

Order: airports and airplanes; then RemoveLeg for all legs that move; then ChangeLegTimes, in an
order in which no step overlaps (a circle is cut by taking one leg out and adding it anew); then
rotations with their legs, in batches, and their assignments. So no command is refused for an
overlap unless somebody else edits the schedule meanwhile.

An airplane is known by its registration, a rotation by its name, a leg by its designator: those
that planners made under other ids are used (see `identity`). Airplanes and airports that a file
states replace what is stored.
"""

from collections.abc import Iterator
from typing import Final, final

import msgspec

from flightmesh import ids
from flightmesh.domain import commands
from flightmesh.domain.values import Leg, iso_minute
from flightmesh.ids import AggregateId, LegId
from flightmesh.loading.identity import as_stored
from flightmesh.loading.issues import Issue, IssueLog, Rule
from flightmesh.loading.plan import LoadPlan, PlannedAirplane, PlannedAirport, PlannedRotation
from flightmesh.loading.retiming import Interval, first_overlap, order_of_changes
from flightmesh.loading.schedule_state import (
    ScheduleState,
    StoredAirplane,
    StoredAirport,
    StoredRotation,
)
from flightmesh.loading.source_legs import DuplicateHandling

# The state that is compared belongs to this module's interface.
__all__ = [
    "LEGS_PER_COMMAND",
    "Difference",
    "Move",
    "ScheduleState",
    "Step",
    "StoredAirplane",
    "StoredAirport",
    "StoredRotation",
    "difference",
]

LEGS_PER_COMMAND: Final = 500


class Move(msgspec.Struct, frozen=True):
    """A leg that an earlier step has taken out: of which rotation, and as it was there."""

    source: AggregateId
    leg: Leg


class Step(msgspec.Struct, frozen=True):
    """A command and its aggregate.

    Attributes:
        aggregate_id: the aggregate.
        command: the command.
        items: how many of the plan's items it settles.
        moved: for AddLegs, those of its legs that are stored elsewhere until then.
    """

    aggregate_id: AggregateId
    command: commands.Command
    items: int = 0
    moved: tuple[Move, ...] = ()


class Difference(msgspec.Struct, frozen=True):
    """Commands to send, in order, and the counts of the report.

    Items are legs; of a plan without rotations, airplanes and airports.

    Attributes:
        steps: commands in the order in which to send them: those of one aggregate one after the
            other, and phase after phase.
        phases: index of the first step of each phase; steps of one phase that are for different
            aggregates may be sent at once.
        added: items that the schedule lacks.
        changed: items that it holds otherwise, and that the steps change.
        unchanged: items that it holds.
        rejected: items left out, by the plan already or here.
        rotations_created: rotations that the schedule lacks.
        airplanes_registered: airplanes that the schedule lacks.
        assignments_changed: stored rotations that get another airplane.
        issue_counts: what was found here, by rule; add it to the plan's.
        issues: the first ones.
    """

    steps: tuple[Step, ...] = ()
    phases: tuple[int, ...] = ()
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    rotations_created: int = 0
    airplanes_registered: int = 0
    assignments_changed: int = 0
    issue_counts: dict[str, int] = {}
    issues: tuple[Issue, ...] = ()


class _Target(msgspec.Struct, gc=False):
    """A leg to add (no `stored`), to move or make anew (`anew`), or to change in time."""

    leg: Leg
    rotation_id: AggregateId
    stored: Leg | None
    source: AggregateId | None
    anew: bool


def difference(plan: LoadPlan, state: ScheduleState) -> Difference:
    """The commands that bring a schedule to a plan; none for a refused plan."""
    if plan.refused:
        return Difference(rejected=plan.items)
    return _Comparison(plan, state).result()


@final
class _Comparison:
    def __init__(self, plan: LoadPlan, state: ScheduleState) -> None:
        self._plan = plan
        self._rotations = as_stored(plan, state)
        self._names = {each.rotation_id: each.name for each in self._rotations}
        self._state = state
        self._issues = IssueLog()
        self._targets: dict[LegId, _Target] = {}
        self._counts = dict.fromkeys(("added", "changed", "unchanged"), 0)
        self._rejected = plan.rejected
        self._created = self._registered = self._reassigned = 0
        self._by_registration: dict[str, AggregateId] = {
            airplane.registration: airplane_id for airplane_id, airplane in state.airplanes.items()
        }

    def result(self) -> Difference:
        plan = self._plan
        for rotation in self._rotations:
            for leg in rotation.legs:
                self._compare(leg, rotation)
        self._drop_blocked()
        counted = not self._rotations
        phases = [
            [step for airport in plan.airports for step in self._airport(airport, counted)]
            + [step for airplane in plan.airplanes for step in self._airplane(airplane, counted)]
        ]
        changes = list(self._changes())
        phases += [list(self._removals()), changes]
        phases.append([step for rotation in self._rotations for step in self._rotation(rotation)])
        self._count_targets()
        bounds, total = [], 0
        for phase in phases:
            bounds.append(total)
            total += len(phase)
        return Difference(
            steps=tuple(step for phase in phases for step in phase),
            phases=tuple(bounds),
            rejected=self._rejected,
            rotations_created=self._created,
            airplanes_registered=self._registered,
            assignments_changed=self._reassigned,
            issue_counts=self._issues.counts,
            issues=tuple(self._issues.kept),
            **self._counts,
        )

    def _compare(self, leg: Leg, rotation: PlannedRotation) -> None:
        held = self._state.legs.get(leg.leg_id)
        rotation_id = rotation.rotation_id
        if held is None:
            self._targets[leg.leg_id] = _Target(leg, rotation_id, None, None, anew=True)
            return
        stored, source = held
        replace = self._plan.duplicates is DuplicateHandling.REPLACE
        if stored != leg and not replace:
            message = f"{leg.designator} is stored with {_what_differs(stored, leg)}; it stays so"
            self._issues.add(Rule.STORED_LEG_DIFFERS, message)
            self._rejected += 1
            return
        if source != rotation_id and not (replace or rotation.explicit):
            where = self._name_of(source)
            message = f"{leg.designator} is stored in rotation {where}; it stays there"
            self._issues.add(Rule.STORED_LEG_ELSEWHERE, message)
            self._counts["unchanged"] += 1
            return
        if stored == leg and source == rotation_id:
            self._counts["unchanged"] += 1
            return
        anew = source != rotation_id or _without_times(stored) != _without_times(leg)
        self._targets[leg.leg_id] = _Target(leg, rotation_id, stored, source, anew)

    def _name_of(self, rotation_id: AggregateId) -> str:
        held = self._state.rotations.get(rotation_id)
        return held.name if held and held.name else rotation_id

    def _drop_blocked(self) -> None:
        """Leaves out targets that overlap a leg that stays, until none does.

        A target left out may be a stored leg that stays in turn, so this goes round.
        """
        touched = {target.rotation_id for target in self._targets.values()}
        touched |= {target.source for target in self._targets.values() if target.source}
        staying: dict[AggregateId, list[Interval]] = {rotation: [] for rotation in touched}
        for leg_id, (leg, rotation_id) in self._state.legs.items():
            if rotation_id in staying and leg_id not in self._targets:
                staying[rotation_id].append((leg.departure, leg.arrival, leg_id))
        for intervals in staying.values():
            intervals.sort()
        pending = list(self._targets.values())
        while pending:
            blocked = [
                (target, hit)
                for target in pending
                if (hit := first_overlap(staying[target.rotation_id], target.leg)) is not None
            ]
            for target, hit in blocked:
                self._leave_out(target, hit)
                if target.stored is not None and target.source is not None:
                    old = target.stored
                    staying[target.source].append((old.departure, old.arrival, old.leg_id))
                    staying[target.source].sort()
            returned = any(target.stored is not None for target, _ in blocked)
            pending = list(self._targets.values()) if returned else []

    def _leave_out(self, target: _Target, hit: Interval) -> None:
        del self._targets[target.leg.leg_id]
        self._rejected += 1
        other = self._state.legs[LegId(hit[2])][0]
        message = (
            f"{target.leg.designator} ({iso_minute(target.leg.departure)} to "
            f"{iso_minute(target.leg.arrival)}) overlaps the stored {other.designator} "
            f"({iso_minute(other.departure)} to {iso_minute(other.arrival)})"
        )
        self._issues.add(Rule.STORED_LEG_OVERLAP, message)

    def _count_targets(self) -> None:
        for target in self._targets.values():
            self._counts["added" if target.stored is None else "changed"] += 1

    def _removals(self) -> Iterator[Step]:
        for target in self._targets.values():
            if target.source is not None and target.anew:
                self._note_move(target, target.source)
                yield Step(target.source, commands.RemoveLeg(target.leg.leg_id))

    def _note_move(self, target: _Target, source: AggregateId) -> None:
        if source == target.rotation_id:
            return
        where, to = self._name_of(source), self._names[target.rotation_id]
        message = f"{target.leg.designator} is taken out of rotation {where} for {to}"
        self._issues.add(Rule.STORED_LEG_MOVED, message)

    def _changes(self) -> Iterator[Step]:
        by_rotation: dict[AggregateId, list[_Target]] = {}
        for target in self._targets.values():
            if not target.anew:
                by_rotation.setdefault(target.rotation_id, []).append(target)
        for rotation_id, targets in by_rotation.items():
            pairs = [(target.stored, target.leg) for target in targets if target.stored]
            ordered, cut = order_of_changes(pairs)
            for leg_id in cut:
                self._targets[LegId(leg_id)].anew = True
            for leg in ordered:
                change = commands.ChangeLegTimes(
                    leg.leg_id,
                    leg.departure,
                    leg.arrival,
                    leg.departure_offset,
                    leg.arrival_offset,
                )
                yield Step(rotation_id, change, 1)

    def _rotation(self, rotation: PlannedRotation) -> Iterator[Step]:
        rotation_id = rotation.rotation_id
        held = self._state.rotations.get(rotation_id)
        legs = [
            target.leg
            for leg in rotation.legs
            if (target := self._targets.get(leg.leg_id)) is not None and target.anew
        ]
        if held is None:
            if not legs:
                return
            self._created += 1
            yield Step(rotation_id, commands.CreateRotation(rotation.name))
        for start in range(0, len(legs), LEGS_PER_COMMAND):
            batch = tuple(legs[start : start + LEGS_PER_COMMAND])
            moved = tuple(
                Move(target.source, target.stored)
                for leg in batch
                if (target := self._targets[leg.leg_id]).source and target.stored
            )
            yield Step(rotation_id, commands.AddLegs(batch), len(batch), moved)
        if not rotation.registration:
            return
        airplane_id = self._airplane_id(rotation.registration)
        if held is None or held.airplane_id != airplane_id:
            if held is not None:
                self._reassigned += 1
                self._note_assignment(rotation, held)
            assign = commands.AssignRotationToAirplane(airplane_id, rotation.registration)
            yield Step(rotation_id, assign)

    def _note_assignment(self, rotation: PlannedRotation, held: StoredRotation) -> None:
        if held.airplane_id is None:
            return
        airplane = self._state.airplanes.get(held.airplane_id)
        named = airplane.registration if airplane else held.airplane_id
        message = f"rotation {rotation.name} is taken from {named} for {rotation.registration}"
        self._issues.add(Rule.STORED_ASSIGNMENT, message)

    def _airplane_id(self, registration: str) -> AggregateId:
        derived = ids.airplane_id(self._plan.schedule, registration)
        if derived in self._state.airplanes:
            return derived
        return self._by_registration.get(registration, derived)

    def _airplane(self, airplane: PlannedAirplane, counted: bool) -> Iterator[Step]:
        airplane_id = self._airplane_id(airplane.registration)
        held = self._state.airplanes.get(airplane_id)
        kind, ground = airplane.aircraft_type, airplane.minimum_ground_minutes
        if held is None:
            self._registered += 1
            self._counts["added"] += counted
            register = commands.RegisterAirplane(airplane.registration, kind, ground)
            yield Step(airplane_id, register, int(counted))
        elif airplane.stated and (held.aircraft_type, held.minimum_ground_minutes) != (
            kind,
            ground,
        ):
            self._counts["changed"] += counted
            yield Step(airplane_id, commands.ChangeAirplane(kind, ground), int(counted))
        else:
            self._counts["unchanged"] += counted

    def _airport(self, airport: PlannedAirport, counted: bool) -> Iterator[Step]:
        held = self._state.airports.get(airport.airport_id)
        wanted = StoredAirport(airport.iata, airport.minimum_ground_minutes, airport.time_zone)
        if held == wanted:
            self._counts["unchanged"] += counted
            return
        self._counts["added" if held is None else "changed"] += counted
        define = commands.DefineAirport(
            airport.iata, airport.minimum_ground_minutes, airport.time_zone
        )
        yield Step(airport.airport_id, define, int(counted))


_TIMES: Final = ("departure", "arrival", "departure_offset", "arrival_offset")


def _without_times(leg: Leg) -> tuple[object, ...]:
    return tuple(getattr(leg, name) for name in leg.__struct_fields__ if name not in _TIMES)


def _what_differs(stored: Leg, leg: Leg) -> str:
    parts = []
    for name in leg.__struct_fields__:
        old, new = getattr(stored, name), getattr(leg, name)
        if old != new and name in ("departure", "arrival"):
            parts.append(f"{name} {iso_minute(old)}, not {iso_minute(new)}")
        elif old != new:
            parts.append(f"{name} {old!r}, not {new!r}")
    return "; ".join(parts)
