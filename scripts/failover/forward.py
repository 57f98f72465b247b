"""Passes TCP connections on: python forward.py LISTEN_HOST TARGET_HOST PORT..., until SIGTERM."""

import asyncio
import contextlib
import socket
import sys
from functools import partial


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    sink.close()


async def _forward(
    host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        there, back = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    for each in (writer, back):
        each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def main(listen: str, target: str, ports: list[int]) -> None:
    for port in ports:
        await asyncio.start_server(partial(_forward, target, port), listen, port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], [int(port) for port in sys.argv[3:]]))
