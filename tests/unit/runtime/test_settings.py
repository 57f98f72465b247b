import pytest

from flightmesh.errors import ConfigurationError
from flightmesh.runtime import settings
from launcher.config import EmbeddedConfig


def test_unset_and_empty_variables_give_the_defaults() -> None:
    assert EmbeddedConfig.from_env({"FLIGHTMESH_HTTP_PORT": " "}) == EmbeddedConfig()


def test_variables_are_read() -> None:
    config = EmbeddedConfig.from_env(
        {"FLIGHTMESH_DATA_DIR": "/x", "FLIGHTMESH_GRPC_PORT": "0", "FLIGHTMESH_SAMPLE": "No"}
    )
    assert (str(config.data_dir), config.grpc_port, config.sample) == ("/x", 0, False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FLIGHTMESH_HTTP_PORT", "70000"),
        ("FLIGHTMESH_GRPC_PORT", "http"),
        ("FLIGHTMESH_SHARD_NODES", "0"),
        ("FLIGHTMESH_SHARD_COUNT", "48"),
        ("FLIGHTMESH_SAMPLE", "maybe"),
    ],
)
def test_a_value_that_does_not_parse_stops_the_start_and_names_the_variable(
    name: str, text: str
) -> None:
    with pytest.raises(ConfigurationError, match=name) as refused:
        EmbeddedConfig.from_env({name: text})
    assert "literal" not in refused.value.message


def test_one_port_for_both_servers_is_refused() -> None:
    both = {"FLIGHTMESH_HTTP_PORT": "9000", "FLIGHTMESH_GRPC_PORT": "9000"}
    with pytest.raises(ConfigurationError, match="both 9000"):
        EmbeddedConfig.from_env(both)
    free = {"FLIGHTMESH_HTTP_PORT": "0", "FLIGHTMESH_GRPC_PORT": "0"}
    assert EmbeddedConfig.from_env(free).http_port == 0


def test_an_unknown_log_level_or_format_is_refused() -> None:
    assert settings.log_level("debug") == "DEBUG"
    assert settings.log_format("JSON") == "json"
    for name, parse in (
        ("FLIGHTMESH_LOG_LEVEL", settings.log_level),
        ("FLIGHTMESH_LOG_FORMAT", settings.log_format),
    ):
        with pytest.raises(ConfigurationError, match=f"{name}='loud' is no log"):
            settings.read(name, "", parse, {name: "loud"})


def test_a_slip_of_the_pen_is_named_with_what_was_meant() -> None:
    (sentence,) = settings.unknown_variables({"FLIGHTMESH_HTPP_PORT": "1", "PATH": "x"})
    assert "FLIGHTMESH_HTTP_PORT" in sentence
