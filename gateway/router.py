"""Finds the binding for a method and path. Pure; built once at start.

Routes lie in a tree by segment. At each segment a literal goes before `*`, and `*` before `**`;
where the more literal way leads nowhere, the other is tried. A custom verb (`:addLeg`) belongs to
the last segment; where no route with that verb matches, the colon is an ordinary character.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, final

from flightmesh.errors import ConfigurationError
from gateway.path_template import ONE, REST, PathTemplate

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NotFound:
    """No route has this path."""


@dataclass(frozen=True, slots=True)
class MethodNotAllowed:
    """Routes have this path, but not with this method; `allowed` lists theirs, sorted."""

    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The route's target, with the texts of its template's variables in their order."""

    target: T
    texts: Sequence[str]


@dataclass(slots=True)
class _Leaf(Generic[T]):
    targets: dict[str, tuple[PathTemplate, T]] = field(default_factory=dict)


@dataclass(slots=True)
class _Node(Generic[T]):
    children: dict[str, "_Node[T]"] = field(default_factory=dict)
    leaves: dict[str, _Leaf[T]] = field(default_factory=dict)  # by verb


@final
class Router(Generic[T]):
    """An immutable set of routes.

    Args:
        routes: method, template and target of each.

    Raises:
        ConfigurationError: two routes of one method match the same paths.
    """

    def __init__(self, routes: Iterable[tuple[str, PathTemplate, T]]) -> None:
        self._root: _Node[T] = _Node()
        for method, template, target in routes:
            self._add(method, template, target)

    def _add(self, method: str, template: PathTemplate, target: T) -> None:
        node = self._root
        for segment in template.segments:
            node = node.children.setdefault(segment, _Node())
        leaf = node.leaves.setdefault(template.verb, _Leaf())
        if method in leaf.targets:
            other = leaf.targets[method][0]
            raise ConfigurationError(
                f"two routes match the same requests: {method} {template.text} and {other.text}"
            )
        leaf.targets[method] = (template, target)

    def find(self, method: str, path: str) -> Found[T] | MethodNotAllowed | NotFound:
        """The route for a decoded path."""
        # "OPTIONS *" has a target that is no path.
        if not path.startswith("/"):
            return NotFound()
        segments = path.split("/")[1:]
        leaf = self._leaf(segments)
        if leaf is None:
            return NotFound()
        found = leaf.targets.get(method)
        if found is None:
            return MethodNotAllowed(tuple(sorted(leaf.targets)))
        template, target = found
        return Found(target, [_text_of(segments, v.start, v.end) for v in template.variables])

    def _leaf(self, segments: list[str]) -> _Leaf[T] | None:
        """The leaf of a path; takes a verb that matched off the last segment, in place."""
        last = segments[-1]
        head, colon, verb = last.rpartition(":")
        if colon and head and verb:
            segments[-1] = head
            leaf = self._leaf_of(segments, verb)
            if leaf is not None:
                return leaf
            segments[-1] = last
        return self._leaf_of(segments, "")

    def _leaf_of(self, segments: Sequence[str], verb: str) -> _Leaf[T] | None:
        # The most literal way first, without looking back: it is nearly always the one.
        node: _Node[T] | None = self._root
        for segment in segments:
            assert node is not None
            node = node.children.get(segment) or node.children.get(ONE)
            if node is None or not segment or segment in (ONE, REST):
                return _walk(self._root, segments, 0, verb)
        assert node is not None
        return node.leaves.get(verb) or _walk(self._root, segments, 0, verb)


def _walk(node: _Node[T], segments: Sequence[str], at: int, verb: str) -> _Leaf[T] | None:
    """The leaf of the most literal route, judged from the left, with looking back."""
    if at == len(segments):
        leaf = node.leaves.get(verb)
        if leaf is None and REST in node.children:
            return node.children[REST].leaves.get(verb)
        return leaf
    segment = segments[at]
    children = node.children
    # A path may hold the characters of a wildcard; they are no way into its branch.
    ways = [] if segment in (ONE, REST) else [segment]
    if segment:
        ways.append(ONE)
    for way in ways:
        child = children.get(way)
        leaf = _walk(child, segments, at + 1, verb) if child is not None else None
        if leaf is not None:
            return leaf
    child = children.get(REST)
    return child.leaves.get(verb) if child is not None else None


def _text_of(segments: Sequence[str], start: int, end: int | None) -> str:
    if end == start + 1:
        return segments[start]
    return "/".join(segments[start:end])
