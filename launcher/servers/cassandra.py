"""Starting Cassandra on loopback from its jars, with settings that the ledger store can rely on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from launcher.servers.install import Servers, java
from launcher.servers.process import LOOPBACK, ServerProcess, ask, free_port

# What Cassandra reaches into, by module of the Java platform; Java 17 wants each named.
_EXPORTS: Final = {
    "java.base": "jdk.internal.misc jdk.internal.ref sun.nio.ch",
    "java.management.rmi": "com.sun.jmx.remote.internal.rmi",
    "java.rmi": "sun.rmi.registry sun.rmi.server",
    "java.sql": "java.sql",
}
_OPENS: Final = {
    "java.base": (
        "java.io java.lang java.lang.module java.lang.reflect java.net java.nio java.time java.util"
        " java.util.concurrent java.util.concurrent.atomic jdk.internal.loader jdk.internal.math"
        " jdk.internal.module jdk.internal.ref jdk.internal.reflect jdk.internal.util.jar"
        " sun.nio.ch sun.security.x509"
    ),
    "jdk.management": "com.sun.management.internal",
}
_LOGBACK: Final = """\
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""
# A frame of the native protocol, version 4, that asks for the supported options, and the operation
# code of the answer.
_OPTIONS: Final = bytes([0x04, 0, 0, 0, 0x05, 0, 0, 0, 0])
_SUPPORTED: Final = 0x06
_START_LIMIT_S: Final = 180.0
# For a machine shared with all else, and runs of minutes: the optimising compiler takes a core for
# the first ones, and makes conditional writes cheaper than the first compiler's (2.6 instead of 3.2
# ms of processor time) only after thousands of them. A heap this small wants no parallel collector.
_FRUGAL: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@dataclass(frozen=True, slots=True)
class CassandraSettings:
    """What can be chosen.

    Attributes:
        host: address to listen on; nodes of one cluster differ in it and share their ports.
        port: port for clients; 0 = a free one.
        storage_port: port for the other nodes; 0 = a free one.
        seeds: addresses of all nodes of a cluster; empty = a cluster of this node alone.
        heap_mb: Java heap, MiB.
        commitlog_sync: "batch" and "group" sync before the answer, "periodic" after it (refused
            by the ledger store).
        paxos_variant: "v2", or "v1" (refused by the ledger store).
        batch_limit: largest batch that is taken; below 1 MiB it is refused by the ledger store.
        cas_contention_timeout_ms: how long a conditional write may struggle with others.
    """

    host: str = LOOPBACK
    port: int = 0
    storage_port: int = 0
    seeds: tuple[str, ...] = ()
    heap_mb: int = 512
    commitlog_sync: str = "batch"
    paxos_variant: str = "v2"
    batch_limit: str = "16MiB"
    cas_contention_timeout_ms: int = 1800


@final
class Cassandra:
    """One Cassandra node.

    Args:
        servers: where Cassandra is installed.
        directory: of this node alone.
        settings: what can be chosen.

    Attributes:
        host: address that clients connect to.
        port: port that clients connect to.
        process: the server.
    """

    def __init__(
        self, servers: Servers, directory: Path, settings: CassandraSettings | None = None
    ) -> None:
        self._settings = settings or CassandraSettings()
        self.host = self._settings.host
        self.port = self._settings.port or free_port(self.host)
        self._storage_port = self._settings.storage_port or free_port(self.host)
        self._directory = directory
        conf = directory / "conf"
        conf.mkdir(parents=True, exist_ok=True)
        (conf / "cassandra.yaml").write_text(self._yaml())
        (conf / "cassandra-rackdc.properties").write_text("dc=dc1\nrack=rack1\n")
        (conf / "logback.xml").write_text(_LOGBACK)
        self.process = ServerProcess(
            f"cassandra-{self.host}", self._command(servers.cassandra_jars), directory,
            self._is_ready,
        )  # fmt: skip

    @property
    def endpoint(self) -> str:
        """host:port for clients."""
        return f"{self.host}:{self.port}"

    def start(self) -> None:
        """Starts the node and waits until it takes clients' requests."""
        self.process.start()
        self.process.wait_ready(_START_LIMIT_S)

    def stop(self) -> None:
        """Stops the node."""
        self.process.stop()

    def _is_ready(self) -> bool:
        answer = ask(self.host, self.port, _OPTIONS, 9)
        return len(answer) >= 9 and answer[4] == _SUPPORTED

    def _yaml(self) -> str:
        chosen = self._settings
        data = self._directory / "data"
        seeds = ",".join(f"{host}:{self._storage_port}" for host in chosen.seeds or (self.host,))
        simple = "org.apache.cassandra.locator.SimpleSeedProvider"
        settings: dict[str, object] = {
            "cluster_name": "flightmesh",
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "endpoint_snitch": "GossipingPropertyFileSnitch",
            "num_tokens": 1,
            "seed_provider": [{"class_name": simple, "parameters": [{"seeds": seeds}]}],
            "listen_address": self.host,
            "rpc_address": self.host,
            "storage_port": self._storage_port,
            "native_transport_port": self.port,
            # The promises the ledger store is built on.
            "commitlog_sync": chosen.commitlog_sync,
            # Written past the page cache, each write synced (O_DIRECT, O_DSYNC), where the file
            # system can. The default maps the log, drops its pages after each sync and reads them
            # again for the next write: twice the kernel's time.
            "commitlog_disk_access_mode": "auto",
            "paxos_variant": chosen.paxos_variant,
            "cas_contention_timeout": f"{chosen.cas_contention_timeout_ms}ms",
            # An entry of the ledger may have several MiB; a mutation may be half a segment.
            "commitlog_segment_size": "32MiB",
            "batch_size_fail_threshold": chosen.batch_limit,
            "batch_size_warn_threshold": "16MiB",
            # A batch of the index lies in the partitions of one shard, 17 at most.
            "unlogged_batch_across_partitions_warn_threshold": 20,
            "data_file_directories": [str(data / "data")],
            "commitlog_directory": str(data / "commitlog"),
            "saved_caches_directory": str(data / "saved_caches"),
            "hints_directory": str(data / "hints"),
            "cdc_raw_directory": str(data / "cdc_raw"),
            # Small enough for several on one machine.
            "disk_access_mode": "mmap_index_only",
            "concurrent_writes": 32,
            "concurrent_reads": 16,
            "memtable_heap_space": "96MiB",
            "memtable_offheap_space": "96MiB",
            "file_cache_size": "64MiB",
            "networking_cache_size": "32MiB",
            "key_cache_size": "16MiB",
            "counter_cache_size": "0MiB",
            "auto_snapshot": False,
        }
        if chosen.commitlog_sync == "group":
            settings["commitlog_sync_group_window"] = "1ms"
        if chosen.commitlog_sync == "periodic":
            settings["commitlog_sync_period"] = "10000ms"
        # JSON is YAML.
        return json.dumps(settings, indent=2)

    def _command(self, jars: Path) -> list[str | Path]:
        heap = self._settings.heap_mb
        properties = {
            "cassandra.config": (self._directory / "conf" / "cassandra.yaml").as_uri(),
            "cassandra.storagedir": self._directory / "data",
            "cassandra-foreground": "yes",
            "logback.configurationFile": self._directory / "conf" / "logback.xml",
            "cassandra.superuser_setup_delay_ms": 0,
            "java.net.preferIPv4Stack": "true",
            "jdk.attach.allowAttachSelf": "true",
            "io.netty.tryReflectionSetAccessible": "true",
            "java.io.tmpdir": self._directory,
        }
        # A node alone has nobody to wait for, and few on one machine hear of each other soon.
        properties["cassandra.ring_delay_ms"] = 2000 if self._settings.seeds else 100
        if not self._settings.seeds:
            properties["cassandra.skip_wait_for_gossip_to_settle"] = 0
        (agent,) = jars.glob("jamm-*.jar")
        return [
            java(),
            f"-Xms{heap}m", f"-Xmx{heap}m", "-Xss256k", "-XX:+AlwaysPreTouch",
            *_FRUGAL,
            "-XX:MaxDirectMemorySize=256m", "-XX:+ExitOnOutOfMemoryError",
            *(f"-D{key}={value}" for key, value in properties.items()),
            *_access("--add-exports", _EXPORTS),
            *_access("--add-opens", _OPENS),
            f"-javaagent:{agent}",
            "-cp", f"{self._directory / 'conf'}:{jars / '*'}",
            "org.apache.cassandra.service.CassandraDaemon",
        ]  # fmt: skip


def nodes_in(servers: Servers, directory: Path, count: int, heap_mb: int = 384) -> list[Cassandra]:
    """Nodes of one cluster on 127.0.0.1, 127.0.0.2 …; start them one after another."""
    hosts = tuple(f"127.0.0.{n}" for n in range(1, count + 1))
    port, storage_port = free_port(), free_port()
    return [
        Cassandra(
            servers,
            directory / f"cassandra-{n}",
            CassandraSettings(host, port, storage_port, seeds=hosts, heap_mb=heap_mb),
        )
        for n, host in enumerate(hosts, 1)
    ]


def _access(option: str, packages: dict[str, str]) -> list[str]:
    return [
        f"{option}={module}/{package}=ALL-UNNAMED"
        for module, names in packages.items()
        for package in names.split()
    ]
