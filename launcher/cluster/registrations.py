"""The servers' entries in the registry: servers do not register themselves."""

import asyncio
from typing import Final, final

from flightmesh.clock import Clock
from flightmesh.registry import Registry
from flightmesh.registry.registration import RegistrationKeeper
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import NodeRegistration
from launcher.cluster.member import Member

_TTL_S: Final = 5.0


@final
class ServerRegistrations:
    """Keeps every running server listed.

    Args:
        registry: where.
        clock: for pauses.
        tasks: owns the tasks that renew.
    """

    def __init__(self, registry: Registry, clock: Clock, tasks: TaskOwner) -> None:
        self._registry = registry
        self._clock = clock
        self._tasks = tasks
        self._kept: dict[str, tuple[RegistrationKeeper, asyncio.Task[None]]] = {}

    def add(self, member: Member) -> None:
        """Lists a server that runs, until `remove`."""
        registration = NodeRegistration(member.name, member.role, member.address, member.pid)
        keeper = RegistrationKeeper(self._registry, lambda: registration, _TTL_S, self._clock)
        task = self._tasks.start(keeper.run(), f"register-{member.name}")
        self._kept[member.name] = (keeper, task)

    def remove(self, name: str) -> None:
        """Takes a server from the list that has ended. Idempotent."""
        if (kept := self._kept.pop(name, None)) is not None:
            self._tasks.start(_give_up(*kept), f"unregister-{name}")

    async def remove_all(self) -> None:
        """Takes all servers from the list, while the registry still runs."""
        kept, self._kept = list(self._kept.values()), {}
        await asyncio.gather(*(_give_up(*each) for each in kept))


async def _give_up(keeper: RegistrationKeeper, task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait((task,))
    await keeper.give_up()
