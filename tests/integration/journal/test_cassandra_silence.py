"""A request that the driver never answers, nor gives up, ends all the same."""

from typing import Any

import pytest
from cassandra.query import SimpleStatement

from flightmesh.errors import OutcomeUnknown, StoreUnavailable
from flightmesh.journal.cassandra_connection import CassandraConnection, CassandraOptions


class SilentDriver:
    """Takes requests and never says anything about them, as one whose clock was set back."""

    attempted_hosts = ("127.0.0.1",)

    def execute_async(self, *_: Any, **__: Any) -> "SilentDriver":
        return self

    def add_callbacks(self, *_: Any) -> None:
        pass


def connection() -> CassandraConnection:
    driver: Any = SilentDriver()
    return CassandraConnection(driver, driver, CassandraOptions(request_s=0.01, max_requests=1))


async def test_a_read_may_be_asked_again() -> None:
    silent = connection()
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="no answer"):
            await silent.read(SimpleStatement("SELECT"))


async def test_what_became_of_a_write_is_unknown() -> None:
    silent = connection()
    with pytest.raises(OutcomeUnknown, match="no answer"):
        await silent.conditional(SimpleStatement("INSERT"))
    with pytest.raises(OutcomeUnknown, match="no answer"):
        await silent.write(SimpleStatement("INSERT"))
