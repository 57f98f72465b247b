"""Exports are bounded, and what computes for long leaves the event loop alone."""

import asyncio
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from flightmesh.api.loading.v1 import loading_service_pb2 as pb
from flightmesh.clock.virtual import ManualClock
from flightmesh.loading import export_ssim
from flightmesh.loading.schedule_state import ScheduleState
from gateway import loader
from gateway.loading_service import LoadingService


class Aborted(grpc.aio.AbortError):
    """What ends a call that is refused."""


class Context:
    """A call; remembers its status."""

    async def abort(self, code: grpc.StatusCode, message: str, details: Any) -> None:
        self.status = (code, message)
        raise Aborted


class Reader:
    """A schedule without legs, read when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def exists(self) -> bool:
        await self.go.wait()
        return True

    async def state(self) -> ScheduleState:
        return ScheduleState()

    async def rotation_names(self) -> dict[str, str]:
        return {}

    async def legs(self, names: dict[str, str]) -> AsyncIterator[Any]:
        for leg in names.values():
            yield leg


def service_of(reader: Reader) -> LoadingService:
    given: Any = SimpleNamespace(reader=lambda schedule, position: reader)
    return LoadingService(given, ManualClock())


async def export(service: LoadingService, context: Any, file_format: Any) -> bytes:
    request = pb.ExportFileRequest(schedule="s", format=file_format)
    answers = service.ExportFile(request, context)  # type: ignore[arg-type]
    return b"".join([answer.data async for answer in answers])


async def test_a_fifth_export_is_told_to_come_later() -> None:
    reader = Reader()
    service, refused = service_of(reader), Context()
    four = [
        asyncio.ensure_future(export(service, Context(), pb.FILE_FORMAT_LEGS)) for _ in range(4)
    ]
    fifth = asyncio.ensure_future(export(service, refused, pb.FILE_FORMAT_LEGS))
    for _ in range(10):
        await asyncio.sleep(0)
    assert fifth.done()
    assert isinstance(fifth.exception(), Aborted)
    code, message = refused.status
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "4 exports are under way" in message
    reader.go.set()
    assert all(await asyncio.gather(*four))
    assert await export(service, Context(), pb.FILE_FORMAT_LEGS)


async def test_an_export_computes_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def noting(rotations: Any) -> dict[Any, Any]:
        threads.append(threading.current_thread())
        return {}

    monkeypatch.setattr(export_ssim, "onward_flights", noting)
    reader = Reader()
    reader.go.set()
    assert await export(service_of(reader), Context(), pb.FILE_FORMAT_SSIM)
    assert threads
    assert threads[0] is not threading.current_thread()


async def test_a_file_is_compared_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def noting(plan: Any, state: Any) -> Any:
        threads.append(threading.current_thread())
        return SimpleNamespace(rejected=0)

    monkeypatch.setattr(loader, "difference", noting)
    unused: Any = None
    of_one = loader.Loader(unused, unused, unused, unused)
    reader = Reader()
    reader.go.set()
    monkeypatch.setattr(of_one, "_reader", lambda schedule: reader)
    plan: Any = SimpleNamespace(schedule="s", refused=False, unusable=False)
    await of_one.compare(plan, strict=False)
    assert threads
    assert threads[0] is not threading.current_thread()
