"""What a schedule knows of its airports. Pure."""

from dataclasses import dataclass
from typing import final

from flightmesh.domain.values import DEFAULT_GROUND_MINUTES


@dataclass(frozen=True, slots=True)
class AirportDefinition:
    """An airport as its aggregate states it; see `flightmesh.domain.airport`."""

    airport_id: bytes
    iata: str
    minimum_ground_minutes: int | None
    time_zone: str
    sequence: int


@final
class Airports:
    """Definitions of airports and the minutes they need.

    Several aggregates may define one code. Their shards arrive in any order, so it is not the last
    that counts but the one of the smallest id.

    Attributes:
        minimums: minutes by airport number; -1 where unknown.
        changed: numbers of airports whose minutes changed since the checks last ran.
    """

    def __init__(self) -> None:
        self.minimums: list[int] = []
        self.changed: set[int] = set()
        self._definitions: dict[str, dict[bytes, AirportDefinition]] = {}

    def define(self, number: int, definition: AirportDefinition) -> None:
        """Takes a definition over, in place of an older one of the same aggregate."""
        self._definitions.setdefault(definition.iata, {})[definition.airport_id] = definition
        effective = self.definition(definition.iata)
        assert effective is not None
        minutes = effective.minimum_ground_minutes
        self.cover(number + 1)
        if self.minimums[number] != (-1 if minutes is None else minutes):
            self.minimums[number] = -1 if minutes is None else minutes
            self.changed.add(number)

    def definition(self, iata: str) -> AirportDefinition | None:
        """The definition that counts; None if there is none."""
        stated = self._definitions.get(iata)
        return stated[min(stated)] if stated else None

    def definitions(self) -> list[AirportDefinition]:
        """All definitions, those that do not count too: what a snapshot holds."""
        return [each for stated in self._definitions.values() for each in stated.values()]

    def defined(self) -> set[str]:
        """Codes of all defined airports."""
        return set(self._definitions)

    def cover(self, count: int) -> None:
        """Makes `minimums` at least that long."""
        self.minimums.extend([-1] * (count - len(self.minimums)))


def required_minutes(airport_minimum: int, airplane_minimum: int) -> int:
    """Ground minutes needed: the greater minimum; 30 where neither is known (-1)."""
    required = max(airport_minimum, airplane_minimum)
    return DEFAULT_GROUND_MINUTES if required < 0 else required
