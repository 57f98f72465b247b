"""Whole files: loading them into a schedule, and writing a schedule to one.

A load that was cut off is finished by loading the same file again: ids are derived from the
content, so nothing is loaded twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast, final

from clients import methods
from clients.connection import Connection
from clients.positions import PositionKeeper
from flightmesh.api.loading.v1 import loading_service_pb2 as service
from flightmesh.errors import Unavailable

_PIECE_BYTES: Final = 256 * 1024

T = TypeVar("T")
Progress = Callable[[service.ImportProgress], None]


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """How a file is loaded.

    Attributes:
        schedule: name of the schedule; created if missing.
        format: one of SSIM, FLIGHTS, AIRPLANES, AIRPORTS.
        file_name: for messages.
        duplicates: what to do with repeated designators.
        strict: refuse the whole file if anything is wrong with it.
        dry_run: read and check only.
        total_bytes: size of the file; 0 if unknown.
    """

    schedule: str
    format: service.FileFormat
    file_name: str = ""
    duplicates: service.DuplicateHandling = service.DUPLICATE_HANDLING_REPORT
    strict: bool = False
    dry_run: bool = False
    total_bytes: int = 0


@final
class Files:
    """Imports and exports of a client."""

    def __init__(self, connection: Connection, positions: PositionKeeper) -> None:
        self._connection = connection
        self._positions = positions

    async def import_file(
        self,
        settings: ImportSettings,
        data: Iterable[bytes],
        assignments: Iterable[bytes] = (),
        progress: Progress | None = None,
    ) -> service.ImportReport:
        """Loads a file and returns the report.

        Args:
            settings: how to load.
            data: bytes of the file, in pieces of any size; read while they are sent.
            assignments: bytes of the assignments CSV (SSIM only).
            progress: called with every progress message, in the caller's thread.

        Raises:
            Unavailable: the connection broke or fell silent; load the file again to finish.
            FlightmeshError: the load was refused.
        """
        config = self._connection.config
        await self._connection.reach()
        answers = self._connection.exchange(
            methods.IMPORT_FILE,
            self._pieces(settings, data, assignments),
            config.transfer_timeout_s,
        )
        why = "there was no report"
        try:
            async for message in _unless_silent(answers, config.silence_timeout_s):
                if message.HasField("report"):
                    self._positions.saw(message.report.position)
                    return message.report
                if progress is not None:
                    progress(message.progress)
        except Unavailable as error:
            why = error.message
        raise Unavailable(f"the import was cut off: {why}; load the file again to finish it")

    async def export_file(
        self, schedule: str, format_: service.FileFormat, *, min_position: str | None = None
    ) -> AsyncIterator[bytes]:
        """Yields the bytes of a schedule's file, in pieces."""
        config = self._connection.config
        floor = self._positions.token if config.read_your_writes else ""
        request = service.ExportFileRequest(
            schedule=schedule,
            format=format_,
            min_position=floor if min_position is None else min_position,
        )
        await self._connection.reach()
        answers = self._connection.follow(methods.EXPORT_FILE, request, config.transfer_timeout_s)
        async for message in _unless_silent(answers, config.silence_timeout_s):
            yield message.data

    async def _pieces(
        self, settings: ImportSettings, data: Iterable[bytes], assignments: Iterable[bytes]
    ) -> AsyncIterator[service.ImportFileRequest]:
        options = service.ImportOptions(
            schedule=settings.schedule,
            format=settings.format,
            file_name=settings.file_name,
            duplicates=settings.duplicates,
            strict=settings.strict,
            dry_run=settings.dry_run,
            actor=self._connection.config.actor,
            total_bytes=settings.total_bytes,
        )
        yield service.ImportFileRequest(options=options)
        # Assignments first: they decide where the file's legs go.
        for piece in _cut(assignments):
            yield service.ImportFileRequest(assignments=piece)
        for piece in _cut(data):
            yield service.ImportFileRequest(data=piece)


def _cut(pieces: Iterable[bytes]) -> Iterable[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), _PIECE_BYTES):
            yield piece[start : start + _PIECE_BYTES]


async def _unless_silent(messages: AsyncIterator[T], silence_s: float) -> AsyncIterator[T]:
    async with aclosing(cast(Any, messages)):
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    message = await anext(messages)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise Unavailable(f"nothing was heard for {silence_s:g} s") from None
            yield message
