import hypothesis.strategies as st
import pytest
from hypothesis import given

from flightmesh.errors import ConfigurationError
from gateway.path_template import ONE, parse_template
from gateway.router import Found, MethodNotAllowed, NotFound, Router


def router(*routes: str) -> Router[str]:
    """A router of routes such as "GET /a/{b}", each its own target."""
    split = [route.split(" ") for route in routes]
    return Router((method, parse_template(path), f"{method} {path}") for method, path in split)


def test_a_literal_goes_before_a_variable_and_a_variable_before_the_rest() -> None:
    routes = router("GET /a/{x}", "GET /a/b", "GET /a/{y=**}")
    assert routes.find("GET", "/a/b") == Found("GET /a/b", [])
    assert routes.find("GET", "/a/c") == Found("GET /a/{x}", ["c"])
    assert routes.find("GET", "/a/c/d") == Found("GET /a/{y=**}", ["c/d"])
    assert routes.find("GET", "/a") == Found("GET /a/{y=**}", [""])


def test_the_other_way_is_tried_where_the_literal_one_ends() -> None:
    routes = router("GET /a/b/c", "GET /a/{x}/d")
    assert routes.find("GET", "/a/b/d") == Found("GET /a/{x}/d", ["b"])


def test_a_verb_belongs_to_the_last_segment() -> None:
    routes = router("POST /r/{id}:add", "GET /r/{id}", "POST /r:clear")
    assert routes.find("POST", "/r/7:add") == Found("POST /r/{id}:add", ["7"])
    assert routes.find("POST", "/r:clear") == Found("POST /r:clear", [])
    assert routes.find("GET", "/r/7:other") == Found("GET /r/{id}", ["7:other"])
    assert routes.find("POST", "/r/7:8:add") == Found("POST /r/{id}:add", ["7:8"])


def test_a_path_that_is_known_by_another_method_tells_the_methods() -> None:
    routes = router("POST /r/{id}", "GET /r/{id}", "POST /r/{id}:add")
    assert routes.find("DELETE", "/r/7") == MethodNotAllowed(("GET", "POST"))
    assert routes.find("GET", "/r/7:add") == MethodNotAllowed(("POST",))


@pytest.mark.parametrize("path", ["", "/", "/r", "/r/", "/r/7/", "//r/7", "/R/7", "/r/7/8", "r/7"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    assert router("GET /r/{id}").find("GET", path) == NotFound()


def test_the_characters_of_a_wildcard_are_no_wildcard() -> None:
    routes = router("GET /r/{id}", "GET /s/{x=**}", "GET /t/{id}/u")
    assert routes.find("GET", "/r/*") == Found("GET /r/{id}", ["*"])
    assert routes.find("GET", "/r/**") == Found("GET /r/{id}", ["**"])
    assert routes.find("GET", "/*/7") == NotFound()


def test_two_routes_for_the_same_requests_are_refused_at_start() -> None:
    with pytest.raises(ConfigurationError, match="two routes"):
        router("GET /r/{id}", "GET /r/{name}")


LITERALS = st.text("abc", min_size=1, max_size=2)
SHAPES = st.lists(st.one_of(LITERALS, st.just(ONE)), min_size=1, max_size=4).map(tuple)


@given(st.sets(SHAPES, min_size=1, max_size=12), st.lists(LITERALS, min_size=1, max_size=4))
def test_a_route_is_found_exactly_where_one_matches(
    shapes: set[tuple[str, ...]], segments: list[str]
) -> None:
    def template(shape: tuple[str, ...]) -> str:
        parts = [f"{{v{n}}}" if part == ONE else part for n, part in enumerate(shape)]
        return "/" + "/".join(parts)

    routes: Router[tuple[str, ...]] = Router(
        ("GET", parse_template(template(shape)), shape) for shape in sorted(shapes)
    )
    matching = [
        shape
        for shape in shapes
        if len(shape) == len(segments)
        and all(part in (ONE, have) for part, have in zip(shape, segments, strict=True))
    ]
    found = routes.find("GET", "/" + "/".join(segments))
    if not matching:
        assert found == NotFound()
        return
    assert isinstance(found, Found)
    # The most literal one, judged from the left.
    assert found.target == min(matching, key=lambda shape: [part == ONE for part in shape])
    captured = [have for part, have in zip(found.target, segments, strict=True) if part == ONE]
    assert list(found.texts) == captured
