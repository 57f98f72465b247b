import pytest

from flightmesh.errors import ConfigurationError
from flightmesh.rpc.addresses import check_address


def test_port_0_of_loopback_is_always_free() -> None:
    check_address("127.0.0.1", 0, "FLIGHTMESH_GRPC_PORT")


def test_an_address_of_another_machine_is_refused_and_the_setting_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"203\.0\.113\.9:0: .*FLIGHTMESH_HOST"):
        check_address("203.0.113.9", 0, "FLIGHTMESH_GRPC_PORT")
