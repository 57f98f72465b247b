import pytest

from flightmesh.errors import ConfigurationError
from gateway.path_template import ONE, REST, Variable, parse_template


def test_literals_variables_and_a_verb_are_told_apart() -> None:
    template = parse_template("/v1/schedules/{schedule}/rotations/{aggregate_id}:addLeg")
    assert template.segments == ("v1", "schedules", ONE, "rotations", ONE)
    assert template.variables == (Variable("schedule", 2, 3), Variable("aggregate_id", 4, 5))
    assert template.verb == "addLeg"


def test_a_variable_may_span_segments() -> None:
    template = parse_template("/v1/{name=shelves/*/books/*}/pages")
    assert template.segments == ("v1", "shelves", ONE, "books", ONE, "pages")
    assert template.variables == (Variable("name", 1, 5),)


def test_a_variable_may_run_to_the_end() -> None:
    template = parse_template("/files/{path.name=**}")
    assert template.segments == ("files", REST)
    assert template.variables == (Variable("path.name", 1, None),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1",
        "/",
        "/v1/",
        "/v1//x",
        "/{a",
        "/{a}{b}",
        "/{}",
        "/{a=}",
        "/{a={b}}",
        "/{a}/{a}",
        "/**/x",
        "/{a=**}/x",
        "/x:",
        "/x:a:b",
        "/x:a/b",
        "/x y",
        "/{1a}",
    ],
)
def test_a_malformed_template_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_template(text)
