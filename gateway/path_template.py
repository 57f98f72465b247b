"""Path templates of `google.api.http`, parsed. Pure.

The grammar (given in google/api/http.proto; here in other words):

    template = "/" segments [ verb ]
    segments = segment { "/" segment }
    segment  = "*" | "**" | literal | variable
    variable = "{" field-path [ "=" segments ] "}"
    field-path = name { "." name }
    verb     = ":" literal

`*` stands for one segment that is not empty, `**` for any number of segments, at the very end
only. A variable without "=" is one `*`. Variables do not nest and none is named twice.
"""

import re
from dataclasses import dataclass
from typing import Final

from flightmesh.errors import ConfigurationError

ONE: Final = "*"
REST: Final = "**"

_FIELD_PATH: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_LITERAL: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()+,;=@]+")


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of the path that gives a field its value: segments `start` up to `end` (excluded).

    Attributes:
        field: path of the field, for example `schedule` or `leg.leg_id`.
        start: index of its first segment.
        end: index after its last segment; None if it runs to the end of the path.
    """

    field: str
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A parsed template.

    Attributes:
        text: the template as written.
        segments: literals, `ONE` and `REST`, in order.
        variables: the variables, in order of appearance.
        verb: the custom verb after the last colon; empty if there is none.
    """

    text: str
    segments: tuple[str, ...]
    variables: tuple[Variable, ...]
    verb: str

    @property
    def shape(self) -> tuple[tuple[str, ...], str]:
        """What the template matches; two templates of one shape match the same paths."""
        return self.segments, self.verb


def parse_template(text: str) -> PathTemplate:
    """Parses a template.

    Raises:
        ConfigurationError: the text does not follow the grammar; says where.
    """
    if not text.startswith("/"):
        raise ConfigurationError(f"path template {text!r} does not begin with a slash")
    parser = _Parser(text)
    parser.segments_until(end="")
    return parser.result()


class _Parser:
    """One pass over a template's text, left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 1
        self._segments: list[str] = []
        self._variables: list[Variable] = []
        self._verb = ""

    def result(self) -> PathTemplate:
        if REST in self._segments[:-1]:
            raise self._error("has ** before its end")
        names = [variable.field for variable in self._variables]
        if len(set(names)) != len(names):
            raise self._error("names a variable twice")
        return PathTemplate(self._text, tuple(self._segments), tuple(self._variables), self._verb)

    def segments_until(self, end: str) -> None:
        """Reads segments up to the closing brace (end "}") or the end of the text (end "")."""
        while True:
            self._segment(inside=bool(end))
            following = self._text[self._at : self._at + 1]
            self._at += 1
            if following == end:
                return
            if following == ":" and not end:
                self._verb = self._match(_LITERAL, "a verb")
                if self._at != len(self._text):
                    raise self._error("goes on after its verb")
                return
            if following != "/":
                raise self._error(f"has an unexpected {following or 'end'!r}")

    def _segment(self, inside: bool) -> None:
        if self._text.startswith(REST, self._at):
            self._at += 2
            self._segments.append(REST)
        elif self._text.startswith(ONE, self._at):
            self._at += 1
            self._segments.append(ONE)
        elif self._text.startswith("{", self._at):
            if inside:
                raise self._error("has a variable inside a variable")
            self._variable()
        else:
            self._segments.append(self._match(_LITERAL, "a segment"))

    def _variable(self) -> None:
        self._at += 1
        field = self._match(_FIELD_PATH, "a field path")
        start = len(self._segments)
        if self._text.startswith("=", self._at):
            self._at += 1
            self.segments_until(end="}")
        elif self._text.startswith("}", self._at):
            self._at += 1
            self._segments.append(ONE)
        else:
            raise self._error("has a variable that is not closed")
        open_ended = self._segments[-1] == REST
        self._variables.append(Variable(field, start, None if open_ended else len(self._segments)))

    def _match(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._error(f"lacks {what}")
        self._at = found.end()
        return found.group()

    def _error(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"path template {self._text!r} {what}, at character {self._at}")
