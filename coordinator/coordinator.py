"""A coordinator: stands for election, leads, stands again."""

import logging
from typing import Final, final

from coordinator.config import CoordinatorConfig
from coordinator.leader import Leader, node_of
from coordinator.planner import choose_target
from coordinator.ports import LeaderPorts
from coordinator.rebalancing import Rebalancing, plan_rebalancing
from flightmesh.election import LeaderElection
from flightmesh.errors import Refused, Unavailable
from flightmesh.registry.registration import RegistrationKeeper
from flightmesh.runtime.logs import fields
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import (
    LEADER_KEY,
    NodeRegistration,
    NodeRole,
    ShardState,
    decode_registration,
)

_log = logging.getLogger(__name__)

_AFTER_FAILURE_S: Final = 1.0


@final
class Coordinator:
    """One coordinator from start to stop.

    Args:
        config: settings.
        ports: what it works with.

    Attributes:
        counters: what it counts.
    """

    def __init__(self, config: CoordinatorConfig, ports: LeaderPorts) -> None:
        self._config = config
        self._ports = ports
        self.counters = ports.counters
        self._registration = NodeRegistration(
            config.name, NodeRole.COORDINATOR, config.address, config.pid, extra=config.extra
        )
        self._election = LeaderElection(
            ports.registry, self._registration, ports.clock, config.lease_ttl_s
        )
        self._tasks = TaskOwner(f"coordinator-{config.name}")
        self._leader: Leader | None = None
        self._keeper = RegistrationKeeper(
            ports.registry, lambda: self._registration, config.lease_ttl_s, ports.clock
        )

    def start(self) -> None:
        """Registers and stands for election, in the background."""
        self._tasks.start(self._keeper.run(), "register")
        self._tasks.start(self._run(), "run")

    async def stop(self) -> None:
        """Gives up leadership and registration at once, so that nobody waits for a lease to end."""
        await self._tasks.stop()
        await self._election.resign()
        await self._keeper.give_up()

    @property
    def leader(self) -> Leader | None:
        """The present leadership; None while another coordinator leads, or none."""
        return self._leader if self._leader is not None and self._election.leads() else None

    async def move_shard(self, shard: int, node: str) -> int:
        """Begins a planned move; returns the epoch that is ending.

        Args:
            shard: number of the shard.
            node: name of the node it is to go to; empty for the least loaded other one.

        Raises:
            Refused: no such shard or node, the shard is not being served, or it is there already.
            Unavailable: this coordinator does not lead.
        """
        leader = self._leading()
        rows = leader.shard_map.assignments
        if shard >= len(rows):
            raise Refused(
                "SHARD_NOT_FOUND", f"there is no shard {shard}: the shards are 0 to {len(rows) - 1}"
            )
        row = rows[shard]
        if row.state is not ShardState.ACTIVE:
            raise Refused("SHARD_MOVING", f"shard {shard} is {row.state.value}")
        target = self._target(leader, node, row.session)
        if target == row.session:
            raise Refused("SHARD_ALREADY_THERE", f"shard {shard} is on {node} already")
        leader.learned.wishes[shard] = target
        leader.wake()
        return row.epoch

    async def drain_node(self, node: str) -> int:
        """Has all shards moved off a node; returns how many are still to be moved.

        Raises:
            Refused: no such node.
            Unavailable: this coordinator does not lead, or the registry cannot be reached.
        """
        leader = self._leading()
        registration = _registered(leader, node)
        await leader.drain(registration)
        return len(leader.shard_map.shards_of(registration.session))

    async def undrain_node(self, node: str) -> bool:
        """Lets a node take shards again; whether it was being drained.

        Raises:
            Refused: no such node, or it drains because its process is stopping.
            Unavailable: this coordinator does not lead, or the registry cannot be reached.
        """
        leader = self._leading()
        registration = _registered(leader, node)
        if registration.draining:
            raise Refused(
                "NODE_STOPPING",
                f"{node} drains because its process is stopping; once started again it serves",
            )
        was_draining = registration.session in leader.view.draining
        await leader.undrain(registration)
        return was_draining

    def rebalance(self, *, dry_run: bool) -> Rebalancing:
        """Begins to share the shards out evenly, or only tells the way there.

        Raises:
            Unavailable: this coordinator does not lead.
        """
        leader = self._leading()
        planned = plan_rebalancing(
            leader.view, leader.learned, leader.shard_map, self._config.limits
        )
        if not dry_run:
            leader.rebalance()
        return planned

    async def leader_address(self) -> str:
        """Address of the coordinator that leads; empty if none does.

        Raises:
            Unavailable: the registry cannot be reached.
        """
        items = (await self._ports.registry.list_prefix(LEADER_KEY)).items
        return decode_registration(items[0].value).address if items else ""

    def _leading(self) -> Leader:
        leader = self.leader
        if leader is None:
            raise Unavailable("this coordinator does not lead")
        return leader

    def _target(self, leader: Leader, node: str, source: int) -> int:
        if not node:
            chosen = choose_target(leader.view, leader.learned, leader.shard_map, source)
            if chosen is None:
                raise Refused("NODE_NOT_FOUND", "there is no other node to move the shard to")
            return chosen
        registration = node_of(leader.view, node)
        if registration is None or registration.session not in leader.learned.alive:
            raise Refused("NODE_NOT_FOUND", f"no living shard node is named {node}")
        return registration.session

    async def _run(self) -> None:
        while True:
            await self._election.campaign()
            names = fields(node=self._config.name, token=self._election.token)
            _log.info("leader elected", extra=names)
            self.counters.elected += 1
            self._leader = Leader(self._config, self._election, self._ports)
            failed = False
            try:
                await self._leader.lead()
                self.counters.lost += 1
                _log.warning("leadership lost", extra=names)
            except Exception:
                # The supervising loop: a leadership that fails ends; the next one starts afresh.
                self.counters.lost += 1
                _log.exception("leadership failed", extra=names)
                failed = True
            finally:
                self._leader = None
                await self._election.resign()
            if failed:
                # Another one may do better; what fails again must not fill the log.
                await self._ports.clock.sleep(_AFTER_FAILURE_S)


def _registered(leader: Leader, name: str) -> NodeRegistration:
    registration = node_of(leader.view, name)
    if registration is None:
        raise Refused("NODE_NOT_FOUND", f"no shard node is named {name}")
    return registration
