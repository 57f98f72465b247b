"""Given events, when a command comes, then events or a refusal: the kit for testing a domain.

    story = given(ScheduleModel(), "rotation", scope="s05", scope_state=schedule)
    story.after(RotationCreated("s05", 1, "1")).when(AddLeg(leg)).then(LegAdded(leg))
    story.when(AddLeg(leg)).then_nothing()
    story.when(AddLeg(other)).then_refused("LEG_OVERLAP")

It holds the domain against what the core relies on, at every step: `decide` leaves the state alone,
events survive encoding, a saved and restored state is the same state, and replaying the events from
the beginning gives it too. It works with any `DomainModel`.
"""

import copy
from typing import Any, Self, final

from flightmesh.eventsourcing import Accepted, DomainModel, Rejection


def given(
    domain: DomainModel, aggregate_type: str, *, scope: str = "", scope_state: Any = None
) -> "Story":
    """A story about an aggregate that never existed.

    Args:
        domain: the domain.
        aggregate_type: type of the aggregate.
        scope: scope it belongs to.
        scope_state: committed state of the scope's aggregate; None if it is that aggregate.
    """
    return Story(domain, aggregate_type, scope, scope_state)


@final
class Story:
    """One aggregate's story. Made by `given`.

    Attributes:
        state: the aggregate's state now.
        events: all its events so far.
        scope_state: committed state of the scope's aggregate; may be exchanged.
    """

    def __init__(
        self, domain: DomainModel, aggregate_type: str, scope: str, scope_state: Any
    ) -> None:
        self.scope_state = scope_state
        self.state = domain.initial(aggregate_type)
        self.events: list[Any] = []
        self._domain = domain
        self._type = aggregate_type
        self._scope = scope

    def after(self, *events: Any) -> Self:
        """Events that have happened."""
        for event in events:
            decoded = self._domain.decode_event(self._domain.encode_event(event))
            assert decoded == event, f"{event} is read back as {decoded}"
            self.state = self._domain.evolve(self._type, self.state, decoded)
            self.events.append(event)
        self._check_state()
        return self

    def when(self, command: Any) -> "Verdict":
        """What the command does; its events, if any, happen."""
        before = copy.deepcopy(self.state)
        verdict = self._domain.decide(
            self._type, self.state, command, self._scope, self.scope_state
        )
        assert self.state == before, f"deciding {command} changed the state"
        if isinstance(verdict, Accepted):
            self.after(*verdict.events)
        return Verdict(self, command, verdict)

    def _check_state(self) -> None:
        replayed = self._domain.initial(self._type)
        for event in self.events:
            replayed = self._domain.evolve(self._type, replayed, event)
        assert replayed == self.state, "replaying the events gives another state"
        saved = self._domain.encode_state(self._type, self.state)
        assert self._domain.decode_state(self._type, saved) == self.state, "saved state differs"


@final
class Verdict:
    """What a command did. Made by `Story.when`.

    Attributes:
        verdict: the domain's answer.
    """

    def __init__(self, story: Story, command: Any, verdict: Accepted | Rejection) -> None:
        self.verdict = verdict
        self._story = story
        self._command = command

    def then(self, *events: Any) -> Story:
        """Asserts that exactly these events happened."""
        assert isinstance(self.verdict, Accepted), f"{self._command} was refused: {self.verdict}"
        assert tuple(self.verdict.events) == events
        return self._story

    def then_nothing(self) -> Story:
        """Asserts that the command was accepted without effect."""
        return self.then()

    def then_refused(self, reason: str, **details: str) -> Story:
        """Asserts a refusal with that reason and at least those details."""
        assert isinstance(self.verdict, Rejection), f"{self._command} was not refused"
        assert self.verdict.reason == reason, self.verdict
        assert details.items() <= self.verdict.details.items(), self.verdict
        return self._story

    def then_warned(self, *codes: str) -> Story:
        """Asserts that the command was accepted with exactly these warnings, given their codes."""
        assert isinstance(self.verdict, Accepted), f"{self._command} was refused: {self.verdict}"
        assert tuple(text.partition(":")[0] for text in self.verdict.warnings) == codes
        return self._story
