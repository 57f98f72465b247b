"""From a command until each read node shows it, at a steady rate."""

import asyncio
import os
import time
from typing import Any

import grpc

from failover.load import Sender
from failover.report import Result
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.api.read.v1 import query_service_pb2_grpc as services
from flightmesh.errors import FlightmeshError
from flightmesh.rpc.channels import open_channel
from launcher.cluster.driver import ClusterDriver

RATE = 300.0
SECONDS = 40.0
# Cassandra compiles its code as it goes: just started it needs twice the processor.
WARM_UP_S = 15.0
# Every so many commands are looked for at the read nodes: looking costs as much as sending.
_SAMPLE = 10


async def measure_visible(cluster: ClusterDriver, sender: Sender, schedule: str) -> list[Result]:
    """Sends RATE commands a second and asks each read node, directly, for what was acknowledged.

    A question names the position of the acknowledgement and is answered once the read node is
    there.
    """
    channels = [open_channel(each.grpc) for each in cluster.processes("read_node")]
    stubs: list[Any] = [services.QueryServiceStub(channel) for channel in channels]  # type: ignore[no-untyped-call]
    shard_count = cluster.state().shard_count
    since_ack = Result("acknowledged until visible on every read node", "ms", {"p99": 50.0})
    since_sent = Result("sent until visible on every read node", "ms")
    acks: list[float] = []
    under_way: set[asyncio.Task[None]] = set()

    failures: list[str] = []

    async def one(number: int, *, counts: bool) -> None:
        sent_s = time.monotonic()
        try:
            result = await sender.send(number % shard_count)
        except FlightmeshError as error:
            failures.append(str(error))
            return
        acked_s = time.monotonic()
        if counts:
            acks.append((acked_s - sent_s) * 1000)
        if not counts or number % _SAMPLE:
            return
        request = query.GetScheduleRequest(schedule=schedule, min_position=result.position)
        try:
            await asyncio.gather(*(stub.GetSchedule(request, timeout=10.0) for stub in stubs))
        except grpc.aio.AioRpcError as error:
            failures.append(str(error.details()))
            return
        seen_s = time.monotonic()
        since_ack.values.append((seen_s - acked_s) * 1000)
        since_sent.values.append((seen_s - sent_s) * 1000)

    began_s = time.monotonic()
    for number in range(int(RATE * (WARM_UP_S + SECONDS))):
        await asyncio.sleep(max(0.0, began_s + number / RATE - time.monotonic()))
        task = asyncio.create_task(one(number, counts=number > RATE * WARM_UP_S))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    sent_in_s = time.monotonic() - began_s
    await asyncio.gather(*under_way)
    await asyncio.gather(*(channel.close() for channel in channels))
    acks.sort()
    since_ack.notes.append(
        f"{RATE * (WARM_UP_S + SECONDS) / sent_in_s:.0f} commands/s sent, {len(failures)} commands"
        f" or questions failed; acknowledged in {acks[len(acks) // 2]:.1f} ms (median);"
        f" {len(stubs)} read nodes; load {os.getloadavg()[0]:.1f}"
    )
    print(f"   {since_ack.notes[0]}", flush=True)
    return [since_ack, since_sent]
