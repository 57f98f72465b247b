"""All schedules, each with its incarnations. Pure.

A schedule's own events and those of its rotations lie in different shards, so they arrive in any
order. Each incarnation therefore has a model of its own from the first event that belongs to it:
one whose ScheduleCreated has not arrived waits unseen, and one that was deleted, or that a later
creation has replaced, is dropped and its late events are ignored.
"""

from typing import final

from flightmesh.domain import refusal
from flightmesh.domain.values import FindingRules
from flightmesh.errors import Refused
from read_node.lanes import Airplane, Rotation
from read_node.schedule_model import ScheduleModel


@final
class Scope:
    """One schedule's name and the incarnations of it that count.

    Attributes:
        name: the schedule's name.
        models: models, newest incarnation first.
        dropped: every incarnation up to this one is over.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.models: list[ScheduleModel] = []
        self.dropped = 0
        self._last_id: bytes | None = None
        self._last_found: tuple[ScheduleModel, Rotation] | None = None

    def model_for(self, incarnation: int) -> ScheduleModel | None:
        """The model of an incarnation; None if that is over."""
        if incarnation <= self.dropped:
            return None
        for model in self.models:
            if model.incarnation == incarnation:
                return model
        model = ScheduleModel(self.name, incarnation)
        self.models.append(model)
        self.models.sort(key=lambda each: -each.incarnation)
        return model

    def create(self, incarnation: int, title: str, rules: FindingRules) -> ScheduleModel | None:
        """The schedule began; earlier incarnations are over."""
        self._drop(incarnation - 1)
        model = self.model_for(incarnation)
        if model is not None:
            model.created(title, rules)
        return model

    def delete(self) -> None:
        """The schedule ended, with all it held."""
        current = self.current()
        if current is not None:
            self._drop(current.incarnation)

    def current(self) -> ScheduleModel | None:
        """The model to show; None if the schedule does not exist."""
        for model in self.models:
            if model.born:
                return model
        return None

    def rotation(self, rotation_id: bytes) -> tuple[ScheduleModel, Rotation] | None:
        """The rotation in the newest incarnation that has it; None if its incarnation is over.

        Raises:
            LookupError: there never was such a rotation.
        """
        if rotation_id is self._last_id:
            return self._last_found  # the events of one record ask for the same one
        for model in self.models:
            rotation = model.rotations.get(rotation_id)
            if rotation is not None:
                self._last_id, self._last_found = rotation_id, (model, rotation)
                return self._last_found
        self._check_gone(rotation_id)
        return None

    def airplane(self, airplane_id: bytes) -> tuple[ScheduleModel, Airplane] | None:
        """The registered airplane, like `rotation`."""
        for model in self.models:
            airplane = model.airplanes.get(airplane_id)
            if airplane is not None and airplane.registered:
                return model, airplane
        self._check_gone(airplane_id)
        return None

    def _check_gone(self, aggregate_id: bytes) -> None:
        if not self.dropped:
            raise LookupError(f"aggregate {aggregate_id.hex()} has events but no beginning")

    def _drop(self, incarnation: int) -> None:
        self.dropped = max(self.dropped, incarnation)
        self._last_id = self._last_found = None
        self.models = [model for model in self.models if model.incarnation > self.dropped]


@final
class Schedules:
    """All schedules by name."""

    def __init__(self) -> None:
        self._scopes: dict[str, Scope] = {}
        self.version = 0

    def scope(self, name: str) -> Scope:
        """The scope of that name, empty if it is new."""
        scope = self._scopes.get(name)
        if scope is None:
            scope = self._scopes[name] = Scope(name)
        return scope

    def scopes(self) -> list[Scope]:
        """All names that events were of, whether a schedule of that name exists or not."""
        return list(self._scopes.values())

    def load(self, scopes: list[Scope]) -> None:
        """Takes scopes over in place of its own."""
        self._scopes = {scope.name: scope for scope in scopes}
        self.version += 1

    def current(self) -> list[ScheduleModel]:
        """The models of all schedules that exist, by name."""
        models = (self._scopes[name].current() for name in sorted(self._scopes))
        return [model for model in models if model is not None]

    def get(self, name: str) -> ScheduleModel:
        """The model of a schedule.

        Raises:
            Refused: SCHEDULE_NOT_FOUND or SCHEDULE_DELETED.
        """
        scope = self._scopes.get(name)
        model = scope.current() if scope else None
        if model is not None:
            return model
        details = {"schedule": name}
        if scope is not None and scope.dropped:
            raise Refused(refusal.SCHEDULE_DELETED, f"schedule {name} was deleted", details)
        raise Refused(refusal.SCHEDULE_NOT_FOUND, f"there is no schedule {name}", details)
