from typing import Any

import pytest

from flightmesh.errors import ConfigurationError
from gateway.config import GatewayConfig


def test_the_defaults_listen_on_loopback() -> None:
    assert GatewayConfig().host == "127.0.0.1"


@pytest.mark.parametrize(
    "settings",
    [
        {"port": 65536},
        {"port": -1},
        {"max_head_bytes": 100},
        {"request_timeout_s": 0.0},
        {"request_timeout_s": 61.0},
        {"body_timeout_s": 0.0},
        {"header_timeout_s": -1.0},
        {"max_body_bytes": 0},
        {"backlog": 0},
    ],
)
def test_a_setting_out_of_range_stops_the_start(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        GatewayConfig(**settings)
