"""All processes of a cluster: started in order, watched, started again on request, stopped."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, final

from flightmesh.clock import Clock
from flightmesh.errors import FlightmeshError, Refused
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import NodeRole
from launcher.cluster.member import Member

# Cassandra replays its log at its start; everything else is quicker.
_READY_S: Final = 300.0
# Longer than a process's own drain limit: what does not end by itself is killed.
_STOP_S: Final = 45.0


@final
class Supervisor:
    """The processes of one cluster.

    Args:
        members: in the order in which they are started.
        clock: measures how long things take.
        tasks: owns what waits for readiness, also when nobody waits for it any more.
        say: told of each step, in words.
        on_change: called after each change of a process: it was started, serves, or has ended.
        stop_order: key of sorting for the end: lower ones end first, equal ones together.
        one_by_one: of these kinds one ends after the other: a member of etcd that leads hands its
            place over to another, and waits long for one that is going, too.
    """

    def __init__(
        self,
        members: Sequence[Member],
        clock: Clock,
        tasks: TaskOwner,
        *,
        say: Callable[[str], None],
        on_change: Callable[[Member], None],
        stop_order: Callable[[Member], int],
        one_by_one: frozenset[NodeRole] = frozenset(),
    ) -> None:
        self.members = tuple(members)
        self._by_name = {member.name: member for member in members}
        self._clock = clock
        self._tasks = tasks
        self._say = say
        self._on_change = on_change
        self._stop_order = stop_order
        self._one_by_one = one_by_one
        # A thread for each that may wait for its readiness or end at once.
        self._threads = ThreadPoolExecutor(2 * len(members) + 2, thread_name_prefix="wait")

    def named(self, names: Sequence[str]) -> list[Member]:
        """The members of these names.

        Raises:
            Refused: there is no member of such a name.
        """
        if unknown := [name for name in names if name not in self._by_name]:
            raise Refused(
                "UNKNOWN_PROCESS",
                f"{', '.join(unknown)}: no such process; there are: {', '.join(self._by_name)}",
            )
        return [self._by_name[name] for name in dict.fromkeys(names)]

    async def start(
        self, members: Sequence[Member], say: Callable[[str], None] | None = None
    ) -> None:
        """Starts processes together and waits until all serve.

        Raises:
            Refused: one runs already; then none is started.
            Unavailable: one has ended or does not get ready; told at once, while the others go on.
        """
        tell = say or self._say
        for member in members:
            if member.is_there:
                raise Refused("RUNS_ALREADY", f"{member.name} runs already (process {member.pid})")
        for member in members:
            member.spawn(self._ended)
            self._on_change(member)
        for outcome in asyncio.as_completed(
            [self._tasks.start(self._until_ready(each, tell), each.name) for each in members]
        ):
            if (error := await outcome) is not None:
                raise error

    async def stop(
        self, members: Sequence[Member], say: Callable[[str], None] | None = None
    ) -> None:
        """Asks processes to end, together, and waits for it.

        Raises:
            Refused: one does not run; then none is stopped.
        """
        tell = say or self._say
        for member in members:
            if not member.is_there:
                raise Refused("DOES_NOT_RUN", f"{member.name} does not run")
        await asyncio.gather(*(self._stop_one(member, tell) for member in members))

    async def stop_all(self) -> None:
        """Stops all that run, kind by kind."""
        for order in sorted({self._stop_order(member) for member in self.members}):
            together: dict[object, list[Member]] = {}
            for member in self.members:
                if self._stop_order(member) == order and member.is_there:
                    key = member.role if member.role in self._one_by_one else member.name
                    together.setdefault(key, []).append(member)
            await asyncio.gather(*(self._stop_in_turn(each) for each in together.values()))
        self._threads.shutdown(wait=False)

    async def _until_ready(
        self, member: Member, say: Callable[[str], None]
    ) -> FlightmeshError | None:
        began_s = self._clock.monotonic_s()
        try:
            await member.ready(_READY_S, self._threads)
        except FlightmeshError as error:
            return error
        took_s = self._clock.monotonic_s() - began_s
        say(f"{member.name} serves at {member.address} (process {member.pid}, {took_s:.1f} s)")
        self._on_change(member)
        return None

    async def _stop_in_turn(self, members: Sequence[Member]) -> None:
        for member in members:
            await self._stop_one(member, self._say)

    async def _stop_one(self, member: Member, say: Callable[[str], None]) -> None:
        began_s = self._clock.monotonic_s()
        await member.stop(_STOP_S, self._threads)
        took_s = self._clock.monotonic_s() - began_s
        killed = ", killed: it did not end in time" if member.was_killed else ""
        say(f"{member.name} is stopped ({took_s:.1f} s{killed})")

    def _ended(self, member: Member) -> None:
        if not member.asked:
            self._say(
                f"{member.name} (process {member.pid}) {member.how_it_ended()}; start it again by:"
                f" flightmesh cluster start {member.name}"
            )
        self._on_change(member)
