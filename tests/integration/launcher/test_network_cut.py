"""The forwarder of the network cut carries connections, and stops them without a word."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from launcher.cluster.network_cut import NetworkNamespace
from launcher.servers.process import LOOPBACK, ServerProcess, free_port


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[int]:
    """Port of a server that says everything again."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while data := await reader.read(1000):
                writer.write(data)

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def forwarder(plan: Mapping[str, object], folder: Path) -> ServerProcess:
    command = [sys.executable, "-m", "launcher.cluster.forwarder", json.dumps(plan)]
    process = ServerProcess("forwarder", command, folder, lambda: process.last_lines(1) == "ready")
    process.start()
    process.wait_ready()
    return process


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(LOOPBACK, port)


async def said_again(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], text: bytes
) -> bytes:
    reader, writer = connection
    writer.write(text)
    async with asyncio.timeout(20):
        return await reader.readexactly(len(text))


async def test_nothing_passes_while_it_is_cut_and_everything_afterwards(
    echo: int, tmp_path: Path
) -> None:
    port = free_port()
    with forwarder({"namespace": "", "in": [[port, echo]], "out": []}, tmp_path) as process:
        old = await connect(port)
        assert await said_again(old, b"before") == b"before"
        os.kill(process.pid, signal.SIGUSR1)
        old[1].write(b"lost?")
        left = await connect(port)
        left[1].close()
        new = await connect(port)
        answers = [asyncio.ensure_future(each[0].read(5)) for each in (old, new)]
        done, _ = await asyncio.wait(answers, timeout=0.3)
        assert not done
        os.kill(process.pid, signal.SIGUSR2)
        async with asyncio.timeout(20):
            assert await answers[0] == b"lost?"
        answers[1].cancel()
        assert await said_again(await connect(port), b"after") == b"after"


async def test_who_closes_is_told_to_the_other_side(echo: int, tmp_path: Path) -> None:
    port, gone, nobody = free_port(), free_port(), free_port()
    plan = {"namespace": "", "in": [[port, echo], [gone, nobody]], "out": []}
    with forwarder(plan, tmp_path):
        reader, writer = await connect(port)
        writer.write_eof()
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await said_again(await connect(gone), b"nobody is there")


@pytest.fixture
def namespace() -> Iterator[NetworkNamespace]:
    namespace = NetworkNamespace(f"flightmesh-test-{os.getpid()}")
    if not namespace.can_be_made():
        pytest.skip("no network namespace can be made here")
    with namespace:
        yield namespace


async def test_a_port_of_a_namespace_leads_outside_and_back_unless_it_is_cut(
    echo: int, namespace: NetworkNamespace, tmp_path: Path
) -> None:
    inside, outside = free_port(), free_port()
    # From outside into the namespace, and from there out again.
    plan = {"namespace": namespace.name, "in": [[inside, echo]], "out": [[outside, inside]]}
    with forwarder(plan, tmp_path):
        connection = await connect(outside)
        assert await said_again(connection, b"through") == b"through"
        namespace.cut()
        connection[1].write(b"late")
        answer = asyncio.ensure_future(connection[0].readexactly(4))
        done, _ = await asyncio.wait((answer,), timeout=0.3)
        assert not done
        namespace.mend()
        async with asyncio.timeout(20):
            assert await answer == b"late"
