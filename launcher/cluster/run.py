"""`flightmesh cluster run`: installs what is missing, starts a cluster, waits for a signal."""

import asyncio
import sys
from contextlib import suppress

from flightmesh.clock import SystemClock
from flightmesh.errors import FlightmeshError
from flightmesh.runtime.lifecycle import StopSignal
from flightmesh.runtime.tasks import TaskOwner
from launcher.cluster.cluster import Cluster
from launcher.cluster.config import ClusterConfig
from launcher.cluster.control import Say
from launcher.cluster.folder import ClusterFolder
from launcher.cluster.servers import NEEDED
from launcher.servers.install import Servers, install


def install_missing(config: ClusterConfig, say: Say) -> None:
    """Installs those of the servers that are not there.

    Raises:
        ConfigurationError: names what is missing for that, or what failed.
    """
    servers = Servers(config.servers_dir)
    if missing := servers.missing(NEEDED):
        install(servers, missing, say)


async def serve(config: ClusterConfig) -> int:
    """Runs a cluster until a signal comes; the exit code.

    Raises:
        FlightmeshError: it cannot be started; what was started is stopped again.
    """
    stop = StopSignal()
    stop.install()
    clock = SystemClock()
    began_s = clock.monotonic_s()

    def say(text: str) -> None:
        # That nobody reads it any more ends nothing.
        with suppress(OSError):
            print(f"[{clock.monotonic_s() - began_s:6.1f} s] {text}", file=sys.stderr, flush=True)

    folder = await ClusterFolder(config.data_dir).take(clock)
    tasks = TaskOwner("cluster", stop.fail)
    try:
        cluster = Cluster(config, folder, clock, tasks, say)
        try:
            if await _started(cluster, stop):
                _tell_addresses(cluster, folder)
                await stop.wait()
            say("stopping")
        finally:
            await cluster.stop()
    finally:
        await tasks.stop()
        folder.release()
    return 0


async def _started(cluster: Cluster, stop: StopSignal) -> bool:
    """Starts the cluster unless a signal comes first; whether it has started."""
    owner = TaskOwner("start")
    starting = owner.start(_outcome(cluster), "start")
    waiting = owner.start(stop.wait(), "signal")
    await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
    await owner.stop()
    if starting.cancelled():
        return False
    if (error := starting.result()) is not None:
        raise error
    return True


async def _outcome(cluster: Cluster) -> FlightmeshError | None:
    """What kept the cluster from starting; an expected failure is no task's failure."""
    try:
        await cluster.start()
    except FlightmeshError as error:
        return error
    return None


def _tell_addresses(cluster: Cluster, folder: ClusterFolder) -> None:
    print(f"gRPC   {', '.join(cluster.grpc)}")
    print(f"REST   {', '.join(f'http://{each}/v1/schedules' for each in cluster.http)}")
    print(f"page   {', '.join(f'http://{each}/' for each in cluster.http)}")
    print(f"all    {folder.state_file}")
    print("ready", flush=True)
