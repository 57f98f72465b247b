"""Decisions by chance, from reproducible bits."""

import random
from collections.abc import Sequence
from typing import TypeVar, final

from flightmesh.clock import Randomness

T = TypeVar("T")


@final
class Bits:
    """Reproducible bits; a source of its own for each name.

    What one uses up does not change what another gets.

    Args:
        seed: of the run.
        names: of the user of the bits.
    """

    def __init__(self, seed: int, *names: object) -> None:
        name = "/".join(map(str, (seed, *names)))
        self.bits = random.Random(name).getrandbits  # noqa: S311 - reproducible on purpose


@final
class Chance:
    """Dice.

    Args:
        randomness: bits.
    """

    def __init__(self, randomness: Randomness) -> None:
        self._bits = randomness.bits

    def part(self) -> float:
        """A number from 0 up to 1."""
        return self._bits(32) / 4_294_967_296

    def of(self, probability: float) -> bool:
        """True with that probability."""
        return probability > 0 and self._bits(32) < probability * 4_294_967_296

    def between(self, low: float, high: float) -> float:
        """A number between two."""
        return low + self.part() * (high - low)

    def among(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self._bits(32) % len(choices)]
