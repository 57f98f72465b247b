"""Sees to it that no leg is lost, or stored twice, on its way from one rotation to another.

A leg that moves is taken out of its rotation first and added to the other one later, by commands to
two aggregates. Planners may edit both meanwhile. So a leg that could not be taken out is not added
either, a batch that is refused is tried again leg by leg, and a leg that still finds no place goes
back to where it was.
"""

from collections.abc import Iterable, Sequence
from typing import Final, final

from flightmesh.domain import commands, refusal
from flightmesh.errors import FlightmeshError, Refused
from flightmesh.ids import LegId
from flightmesh.loading.difference import Step

MOVED_MEANWHILE: Final = "LEG_MOVED_MEANWHILE"
LOST: Final = "LEG_IN_NO_ROTATION"

RefusedStep = tuple[Step, FlightmeshError]


@final
class LegsElsewhere:
    """Legs that were to be taken out of a rotation and are not there any more."""

    def __init__(self) -> None:
        self._ids: set[LegId] = set()

    def note(self, refusals: Iterable[RefusedStep]) -> list[RefusedStep]:
        """Notes the legs that could not be taken out; returns the other refusals."""
        others: list[RefusedStep] = []
        for step, error in refusals:
            if isinstance(step.command, commands.RemoveLeg):
                self._ids.add(step.command.leg_id)
            else:
                others.append((step, error))
        return others

    def left_out(self, step: Step) -> tuple[Sequence[Step], Sequence[RefusedStep]]:
        """What is left to send of a step, and what of it must not be sent."""
        if not isinstance(step.command, commands.AddLegs):
            return (step,), ()
        if self._ids.isdisjoint(leg.leg_id for leg in step.command.legs):
            return (step,), ()
        send: list[Step] = []
        out: list[RefusedStep] = []
        for leg, single in zip(step.command.legs, one_by_one(step), strict=True):
            if leg.leg_id not in self._ids:
                send.append(single)
                continue
            message = f"{leg.designator} was moved or removed by somebody else meanwhile"
            out.append((single, Refused(MOVED_MEANWHILE, message)))
        return send, out


def one_by_one(step: Step) -> list[Step]:
    """An AddLegs step as one step for each of its legs."""
    assert isinstance(step.command, commands.AddLegs)
    return [
        Step(
            step.aggregate_id,
            commands.AddLegs((leg,)),
            1,
            tuple(move for move in step.moved if move.leg.leg_id == leg.leg_id),
        )
        for leg in step.command.legs
    ]


def divided(refusals: Iterable[RefusedStep]) -> tuple[list[Step], list[RefusedStep]]:
    """The legs of refused batches one by one, to be tried again, and the other refusals."""
    again: list[Step] = []
    others: list[RefusedStep] = []
    for step, error in refusals:
        if isinstance(step.command, commands.AddLegs) and len(step.command.legs) > 1:
            again += one_by_one(step)
        else:
            others.append((step, error))
    return again, others


def ways_back(refusals: Iterable[RefusedStep]) -> list[Step]:
    """For each refused leg that was taken out of a rotation: the step that puts it back."""
    return [
        Step(move.source, commands.AddLegs((move.leg,)))
        for step, error in refusals
        # One that is there with other values is not lost: another load has brought it.
        if error.reason != refusal.LEG_EXISTS
        for move in step.moved
    ]
