import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.config import ClientConfig, parse_servers
from flightmesh.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("127.0.0.1:8081", ("127.0.0.1:8081",)),
        ("mesh-1:8081, mesh-2.example:9000 ,", ("mesh-1:8081", "mesh-2.example:9000")),
        ("[::1]:8081", ("[::1]:8081",)),
        ("a:1,a:1", ("a:1",)),
    ],
)
def test_servers_are_host_and_port(text: str, servers: tuple[str, ...]) -> None:
    assert parse_servers(text) == servers


@pytest.mark.parametrize(
    "text",
    ["", ",", "mesh", "mesh:", ":8081", "mesh:x", "mesh:0", "mesh:65536", "::1:8081", "a b:1",
     "http://mesh:8081", "mesh:8081/x", "mesh:\N{SUPERSCRIPT TWO}"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="server: "):
        parse_servers(text)


@given(st.text())
def test_parsing_gives_servers_or_a_configuration_error(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        assert parse_servers(text)


def test_the_option_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FLIGHTMESH_SERVER", raising=False)
    assert ClientConfig.from_env().servers == ("127.0.0.1:8081",)
    monkeypatch.setenv("FLIGHTMESH_SERVER", "b:2")
    assert ClientConfig.from_env().servers == ("b:2",)
    assert ClientConfig.from_env("c:3", timeout_s=1.0).servers == ("c:3",)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="timeout_s"):
        ClientConfig(("a:1",), timeout_s=0)
    with pytest.raises(ConfigurationError, match="at least one"):
        ClientConfig(())
