"""What other shells ask a launcher, over its socket."""

import asyncio
import socket
from pathlib import Path

import pytest

from flightmesh.errors import Refused, Unavailable
from launcher.cluster import control
from launcher.cluster.control import ControlServer, Request, Say


async def handle(request: Request, say: Say) -> None:
    say(f"{request.do} {' '.join(request.names)}")
    if "broken" in request.names:
        raise Unavailable("broken has ended")
    if "unknown" in request.names:
        raise Refused("UNKNOWN_PROCESS", "unknown: no such process")


async def ask(directory: Path, *names: str) -> list[str]:
    said: list[str] = []
    await asyncio.to_thread(control.ask, directory, "start", names, said.append)
    return said


async def test_a_request_is_done_and_its_steps_are_told(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, handle)
    await server.start()
    assert await ask(tmp_path, "a", "b") == ["start a b"]
    await server.stop()


async def test_refusals_and_failures_reach_the_one_who_asks(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, handle)
    await server.start()
    with pytest.raises(Refused, match="no such process"):
        await ask(tmp_path, "unknown")
    with pytest.raises(Unavailable, match="broken has ended"):
        await ask(tmp_path, "broken")
    await server.stop()


async def test_a_folder_without_launcher_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=f"no cluster runs in {tmp_path}"):
        await ask(tmp_path, "a")
    with pytest.raises(Refused, match="no cluster runs in"):
        await ask(tmp_path / "nowhere", "a")
    server = ControlServer(tmp_path, handle)
    await server.start()
    await server.stop()
    with pytest.raises(Refused, match="no cluster runs in"):
        await ask(tmp_path, "a")


async def test_the_socket_that_a_killed_launcher_left_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "control.sock"))
    left.close()
    server = ControlServer(tmp_path, handle)
    await server.start()
    assert await ask(tmp_path, "a") == ["start a"]
    await server.stop()


async def test_a_folder_may_be_deeper_than_a_socket_address_is_long(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["folder-with-a-long-name"] * 8)
    deep.mkdir(parents=True)
    server = ControlServer(deep, handle)
    await server.start()
    assert await ask(deep, "a") == ["start a"]
    await server.stop()


@pytest.mark.parametrize("line", [b"what?\n", b'{"do":"dance","names":[]}\n', b"\n", b""])
async def test_what_is_no_request_is_answered_as_such(tmp_path: Path, line: bytes) -> None:
    server = ControlServer(tmp_path, handle)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(tmp_path / "control.sock")
    writer.write(line)
    writer.write_eof()
    async with asyncio.timeout(30):
        answer = await reader.read()
    assert b'"reason":"INVALID_INPUT"' in answer
    writer.close()
    await server.stop()
