"""Starting nats-server with JetStream on loopback."""

import json
from pathlib import Path
from typing import Final, final

from launcher.servers.install import Servers
from launcher.servers.process import LOOPBACK, ServerProcess, answers_http, free_port

_FILE_STORE_BYTES: Final = 1024 * 1024 * 1024


@final
class Nats:
    """One NATS server with JetStream.

    Args:
        servers: where nats-server is installed.
        directory: of this server alone; the streams are in `<directory>/jetstream`.
        port: port for clients; a free one by default.
        monitor_port: port of the monitoring pages; a free one by default.
        file_store_bytes: bound of all streams together.
        host: address to listen on.

    Attributes:
        port: as given, or found.
        monitor_port: as given, or found.
        store: folder of the streams.
        process: the server.
    """

    def __init__(
        self,
        servers: Servers,
        directory: Path,
        *,
        port: int = 0,
        monitor_port: int = 0,
        file_store_bytes: int = _FILE_STORE_BYTES,
        host: str = LOOPBACK,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.port = port or free_port(host)
        self.monitor_port = monitor_port or free_port(host)
        self.store = directory / "jetstream"
        configuration = directory / "nats.conf"
        configuration.write_text(self._configuration(file_store_bytes))
        self.process = ServerProcess(
            "nats", [servers.nats, "--config", configuration], directory, self._is_ready
        )

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"nats://{self.host}:{self.port}"

    def start(self) -> None:
        """Starts the server and waits until JetStream serves."""
        self.process.start()
        self.process.wait_ready()

    def stop(self) -> None:
        """Stops the server."""
        self.process.stop()

    def _is_ready(self) -> bool:
        return answers_http(self.host, self.monitor_port, "/healthz?js-server-only=true")

    def _configuration(self, file_store_bytes: int) -> str:
        # The bus is a hint and never the truth, so its streams may be synced late (the default).
        # A message holds one entry of the ledger.
        settings: dict[str, object] = {
            "server_name": "flightmesh",
            "listen": f"{self.host}:{self.port}",
            "http": f"{self.host}:{self.monitor_port}",
            "max_payload": 8 * 1024 * 1024,
            "jetstream": {
                "store_dir": str(self.store),
                "max_file_store": file_store_bytes,
                "max_memory_store": 64 * 1024 * 1024,
            },
        }
        return json.dumps(settings, indent=2)
