"""Wires the gateway. Building opens nothing; `start` opens the HTTP port."""

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version as version_of
from importlib.resources import files
from itertools import count
from typing import Any, final

from flightmesh.clock import Clock, Randomness
from flightmesh.runtime.metrics_server import exposition
from flightmesh.runtime.process_metrics import ProcessMetrics
from gateway.app import GatewayApp
from gateway.backend import Backend
from gateway.bindings import all_bindings
from gateway.config import GatewayConfig
from gateway.dispatch import Operation, operation_of
from gateway.metrics import DEFINITIONS, RequestMetrics
from gateway.openapi import openapi_document
from gateway.pages import all_pages
from gateway.router import Router
from gateway.server import CONNECTION_ERRORS, HttpServer


@final
class Gateway:
    """The gateway, from `start` to `stop`.

    Attributes:
        config: its settings.
        app: what answers requests.
        metrics: counts of requests.
        document: the OpenAPI document.
    """

    def __init__(
        self,
        config: GatewayConfig,
        app: GatewayApp,
        metrics: RequestMetrics,
        document: dict[str, Any],
    ) -> None:
        self.config = config
        self.app = app
        self.metrics = metrics
        self.document = document
        self._server = HttpServer(app, config)

    @property
    def port(self) -> int:
        """The port that is listened on; before `start`, the configured one."""
        return self._server.port

    @property
    def address(self) -> str:
        """host:port."""
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"{host}:{self.port}"

    async def start(self) -> None:
        """Listens and serves, on the running event loop.

        Raises:
            ConfigurationError: the address cannot be listened on.
        """
        await self._server.start()

    async def stop(self) -> None:
        """Takes no more requests and lets those under way end, within the drain time."""
        await self._server.stop()


def build_gateway(
    config: GatewayConfig,
    backend: Backend,
    *,
    clock: Clock,
    randomness: Randomness,
    is_ready: Callable[[], bool] = lambda: True,
    metrics: ProcessMetrics | None = None,
    name: str = "gateway",
) -> Gateway:
    """Builds the gateway on a backend.

    Args:
        config: its settings.
        backend: the mesh.
        clock: time of durations.
        randomness: for request ids.
        is_ready: whether the mesh can be asked, for /readyz.
        metrics: the process's metrics, for /metrics; the gateway adds its own. None if it is the
            only one that measures.
        name: the gateway's name there.

    Raises:
        ConfigurationError: the annotations ask for what cannot be done, or two routes conflict.
    """
    operations = [operation_of(binding, backend) for binding in all_bindings()]
    requests = RequestMetrics()
    process = ProcessMetrics(clock) if metrics is None else metrics
    process.add(name, DEFINITIONS, requests.samples)
    document = openapi_document(
        operations,
        comments=_packaged("api_comments.json"),
        examples=_packaged("api_examples.json"),
        version=version_of("flightmesh"),
    )
    app = GatewayApp(
        _router(operations),
        all_pages(document, lambda: exposition(process.registry), is_ready),
        config=config,
        clock=clock,
        metrics=requests,
        next_request_id=_request_ids(randomness),
        connection_errors=CONNECTION_ERRORS,
    )
    return Gateway(config, app, requests, document)


def _router(operations: Sequence[Operation]) -> Router[Operation]:
    return Router((one.binding.http_method, one.binding.template, one) for one in operations)


def _request_ids(randomness: Randomness) -> Callable[[], str]:
    """Ids that no other gateway makes: random once, then counted."""
    prefix = f"{randomness.bits(64):016x}"
    numbers = count(1)
    return lambda: f"{prefix}-{next(numbers):x}"


def _packaged(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files("gateway").joinpath(name).read_bytes())
    return content
