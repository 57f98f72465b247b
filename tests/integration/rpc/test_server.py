"""A gRPC server under more calls than it can take at once."""

import asyncio

import grpc
from grpc_health.v1 import health_pb2

from flightmesh.rpc.server import GrpcServer

_CALLERS = 3_000


async def test_a_burst_of_calls_is_answered_and_none_is_cancelled() -> None:
    server = GrpcServer("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            request = health_pb2.HealthCheckRequest()
            calls = (check(request, timeout=60) for _ in range(_CALLERS))
            answers = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await server.stop(0)
    assert [each for each in answers if isinstance(each, BaseException)] == []
