"""LoadingService: files in, files out.

Reading or writing a large file takes seconds of computing: that part runs in a thread, so that the
event loop goes on. Two imports and four exports at a time are taken: more would only wait for each
other, and each holds a whole schedule in memory.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, final

from flightmesh.api.loading.v1 import loading_service_pb2 as pb
from flightmesh.api.loading.v1 import loading_service_pb2_grpc as services
from flightmesh.clock import Clock
from flightmesh.domain.values import check_schedule_name
from flightmesh.errors import InvalidInput, Overloaded, Refused
from flightmesh.loading import export_csv, export_ssim
from flightmesh.loading.export_csv import ExportedLeg
from flightmesh.loading.flights import FlightsPlanner
from flightmesh.loading.planners import AirplanesPlanner, AirportsPlanner, Planner, SsimPlanner
from flightmesh.loading.source_legs import DuplicateHandling
from flightmesh.rpc.errors import streams_errors
from gateway.loader import Loader
from gateway.loading_state import ScheduleReader
from gateway.loading_translate import report_message

MAX_FILE_BYTES: Final = 1 << 30
_PROGRESS_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 256 * 1024
_IMPORTS_AT_ONCE: Final = 2
_EXPORTS_AT_ONCE: Final = 4

_DUPLICATES: Final = {
    pb.DUPLICATE_HANDLING_UNSPECIFIED: DuplicateHandling.REPORT,
    pb.DUPLICATE_HANDLING_REPORT: DuplicateHandling.REPORT,
    pb.DUPLICATE_HANDLING_REJECT: DuplicateHandling.REJECT,
    pb.DUPLICATE_HANDLING_REPLACE: DuplicateHandling.REPLACE,
}


@final
class LoadingService(services.LoadingServiceServicer):
    """Answers LoadingService calls."""

    def __init__(self, loader: Loader, clock: Clock) -> None:
        self._loader = loader
        self._clock = clock
        self._imports = _Places("imports", _IMPORTS_AT_ONCE)
        self._exports = _Places("exports", _EXPORTS_AT_ONCE)

    @streams_errors
    async def ImportFile(  # noqa: N802 - the name is the rpc's
        self, requests: AsyncIterator[pb.ImportFileRequest], context: Any
    ) -> AsyncIterator[pb.ImportFileResponse]:
        """Reads, compares, loads, reports."""
        del context
        with self._imports.take():
            async for answer in self._import(requests):
                yield answer

    async def _import(
        self, requests: AsyncIterator[pb.ImportFileRequest]
    ) -> AsyncIterator[pb.ImportFileResponse]:
        started = self._clock.monotonic_s()
        options = await _options(requests)
        planner = await self._planner(options)
        async for read in _feed(planner, requests, options):
            yield _progress(pb.IMPORT_PHASE_READING, read, options.total_bytes)
        plan = await asyncio.to_thread(planner.finish)
        result = await self._loader.compare(plan, strict=options.strict)
        if not options.dry_run and not result.refused:
            source = f"import:{options.file_name}" if options.file_name else "import"
            async for done, total in self._loader.carry_out(result, options.actor, source):
                yield _progress(pb.IMPORT_PHASE_LOADING, done, total)
        seconds = self._clock.monotonic_s() - started
        yield pb.ImportFileResponse(report=report_message(result, options.dry_run, seconds))

    async def _planner(self, options: pb.ImportOptions) -> Planner:
        duplicates = _DUPLICATES.get(options.duplicates)
        if duplicates is None:
            raise InvalidInput("duplicates", "is not a known way to handle duplicates")
        schedule, strict = options.schedule, options.strict
        match options.format:
            case pb.FILE_FORMAT_SSIM:
                return SsimPlanner(schedule, duplicates, strict=strict)
            case pb.FILE_FORMAT_FLIGHTS:
                zones = await self._time_zones(schedule)
                return FlightsPlanner(schedule, duplicates, strict=strict, time_zones=zones)
            case pb.FILE_FORMAT_AIRPLANES:
                return AirplanesPlanner(schedule, strict=strict)
            case pb.FILE_FORMAT_AIRPORTS:
                return AirportsPlanner(schedule, strict=strict)
            case _:
                raise InvalidInput("format", "is not one that can be imported")

    async def _time_zones(self, schedule: str) -> dict[str, str]:
        """Zones of the airports that the schedule defines; they go before the reference data."""
        reader = self._loader.reader(schedule, "")
        if not await reader.exists():
            return {}
        airports = (await reader.airports()).values()
        return {airport.iata: airport.time_zone for airport in airports if airport.time_zone}

    @streams_errors
    async def ExportFile(  # noqa: N802 - the name is the rpc's
        self, request: pb.ExportFileRequest, context: Any
    ) -> AsyncIterator[pb.ExportFileResponse]:
        """Reads the whole schedule, then writes the file in pieces."""
        del context
        check_schedule_name(request.schedule)
        with self._exports.take():
            async for data in self._export(request):
                yield pb.ExportFileResponse(data=data)

    async def _export(self, request: pb.ExportFileRequest) -> AsyncIterator[bytes]:
        reader = self._loader.reader(request.schedule, request.min_position)
        if not await reader.exists():
            raise Refused(
                "SCHEDULE_NOT_FOUND",
                f"there is no schedule {request.schedule}",
                {"schedule": request.schedule},
            )
        pieces = await self._pieces(request, reader)
        while (data := await asyncio.to_thread(_next_piece, pieces)) is not None:
            yield data

    async def _pieces(
        self, request: pb.ExportFileRequest, reader: ScheduleReader
    ) -> Iterator[bytes]:
        if request.format == pb.FILE_FORMAT_AIRPLANES:
            return export_csv.export_airplanes((await reader.airplanes()).values())
        if request.format == pb.FILE_FORMAT_AIRPORTS:
            return export_csv.export_airports((await reader.airports()).values())
        if request.format not in (
            pb.FILE_FORMAT_LEGS,
            pb.FILE_FORMAT_ASSIGNMENTS,
            pb.FILE_FORMAT_SSIM,
        ):
            raise InvalidInput("format", "is not one that can be exported")
        names = await reader.rotation_names()
        legs = [leg async for leg in reader.legs(names)]
        if request.format == pb.FILE_FORMAT_LEGS:
            return export_csv.export_legs(legs)
        if request.format == pb.FILE_FORMAT_ASSIGNMENTS:
            return export_csv.export_assignments(request.schedule, legs)
        return await asyncio.to_thread(self._ssim, request.schedule, legs)

    def _ssim(self, schedule: str, legs: list[ExportedLeg]) -> Iterator[bytes]:
        by_rotation: dict[str, list[Any]] = {}
        for exported in legs:
            by_rotation.setdefault(exported.rotation_id, []).append(exported.leg)
        onward = export_ssim.onward_flights(by_rotation.values())
        created = dt.datetime.fromtimestamp(self._clock.now_us() / 1e6, dt.UTC)
        return export_ssim.export_ssim(
            schedule, [exported.leg for exported in legs], created=created, onward=onward
        )


class _Places:
    """How many calls of one kind are answered at once; more are told to come later."""

    def __init__(self, what: str, count: int) -> None:
        self._what = what
        self._count = count
        self._taken = 0

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Holds one place; raises Overloaded if none is free."""
        if self._taken >= self._count:
            raise Overloaded(f"{self._count} {self._what} are under way; try again later")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


def _next_piece(pieces: Iterator[bytes]) -> bytes | None:
    """The next pieces, joined to a message of some size; None at the end."""
    joined = bytearray()
    for piece in pieces:
        joined += piece
        if len(joined) >= _PIECE_BYTES:
            break
    return bytes(joined) or None


async def _options(requests: AsyncIterator[pb.ImportFileRequest]) -> pb.ImportOptions:
    first = await anext(aiter(requests), None)
    if first is None or first.WhichOneof("piece") != "options":
        raise InvalidInput("options", "must be the first message of an import")
    check_schedule_name(first.options.schedule)
    return first.options


async def _feed(
    planner: Planner, requests: AsyncIterator[pb.ImportFileRequest], options: pb.ImportOptions
) -> AsyncIterator[int]:
    read = told = 0
    async for request in requests:
        piece = request.WhichOneof("piece")
        if piece == "data":
            read += len(request.data)
            await asyncio.to_thread(planner.feed, request.data)
        elif piece == "assignments" and isinstance(planner, SsimPlanner):
            read += len(request.assignments)
            await asyncio.to_thread(planner.feed_assignments, request.assignments)
        else:
            raise InvalidInput(piece or "piece", f"does not belong here ({options.file_name})")
        if read > MAX_FILE_BYTES:
            raise Refused("TOO_LARGE", f"the file is larger than {MAX_FILE_BYTES} bytes")
        if read - told >= _PROGRESS_BYTES:
            told = read
            yield read


def _progress(phase: pb.ImportPhase, done: int, total: int) -> pb.ImportFileResponse:
    return pb.ImportFileResponse(progress=pb.ImportProgress(phase=phase, done=done, total=total))
