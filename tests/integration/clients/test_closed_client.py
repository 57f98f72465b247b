"""Calls of a blocking client that another thread closes, or that is closed already, end."""

import threading
from typing import Any

import pytest

from clients.sync import Client
from flightmesh.errors import Unavailable

ROTATION = "0190b4f4-7a00-7000-8000-000000000001"


def test_a_call_under_way_ends_when_another_thread_closes_the_client(scripted: Any) -> None:
    came, may_go, told = threading.Event(), threading.Event(), []

    def execute(request: Any) -> Any:
        came.set()
        may_go.wait(30)
        return scripted.accept(request)

    def call() -> None:
        with pytest.raises(Unavailable, match="closed"):
            client.commands.remove_rotation("s05", ROTATION)
        told.append("closed")

    scripted.execute = execute
    client = Client(scripted.address)
    caller = threading.Thread(target=call)
    try:
        caller.start()
        assert came.wait(30)
        client.close()
        caller.join(30)
        assert told == ["closed"]
    finally:
        may_go.set()


def test_a_call_of_a_closed_client_says_so(scripted: Any) -> None:
    client = Client(scripted.address)
    client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.commands.remove_rotation("s05", ROTATION)
    client.close()


def test_an_iteration_ends_when_the_client_is_closed(scripted: Any) -> None:
    client = Client(scripted.address)
    pages = client.queries.leg_pages("s05", limit=1)
    next(pages)
    client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        list(pages)
