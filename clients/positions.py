"""The highest position a client has seen, so that its queries never go back in time."""

from typing import final

from flightmesh.position import Position


@final
class PositionKeeper:
    """Merges the positions of all answers.

    Attributes:
        token: the highest position seen, as text; empty before the first answer.
    """

    def __init__(self) -> None:
        self.token = ""
        self._position = Position()

    def saw(self, token: str) -> None:
        """Takes note of an answer's position."""
        if token and token != self.token:
            self._position = self._position.merged(Position.parse(token))
            self.token = self._position.token()
