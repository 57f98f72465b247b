"""Between the values of the shard map and the messages of flightmesh.api.coordinator.v1."""

from collections.abc import Iterable

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as pb
from flightmesh.sharding.shard_map import (
    VERSION,
    NodeRegistration,
    NodeRole,
    ShardAssignment,
    ShardMap,
    ShardState,
)

_STATE_TO_PROTO = {
    ShardState.UNASSIGNED: pb.SHARD_STATE_UNASSIGNED,
    ShardState.ACTIVE: pb.SHARD_STATE_ACTIVE,
    ShardState.MOVING: pb.SHARD_STATE_MOVING,
    ShardState.TAKING_OVER: pb.SHARD_STATE_TAKING_OVER,
}
_STATE_FROM_PROTO = {number: state for state, number in _STATE_TO_PROTO.items()}
_ROLE_TO_PROTO = {
    NodeRole.SHARD_NODE: pb.NODE_ROLE_SHARD_NODE,
    NodeRole.READ_NODE: pb.NODE_ROLE_READ_NODE,
    NodeRole.COORDINATOR: pb.NODE_ROLE_COORDINATOR,
    NodeRole.GATEWAY: pb.NODE_ROLE_GATEWAY,
    NodeRole.ETCD: pb.NODE_ROLE_ETCD,
    NodeRole.NATS: pb.NODE_ROLE_NATS,
    NodeRole.CASSANDRA: pb.NODE_ROLE_CASSANDRA,
}
_ROLE_FROM_PROTO = {number: role for role, number in _ROLE_TO_PROTO.items()}


def assignment_to_proto(row: ShardAssignment) -> pb.ShardAssignment:
    """One row of the map as a message."""
    return pb.ShardAssignment(
        shard=row.shard,
        epoch=row.epoch,
        session=row.session,
        node=row.node,
        address=row.address,
        state=_STATE_TO_PROTO[row.state],
        target_session=row.target_session,
    )


def assignment_from_proto(row: pb.ShardAssignment) -> ShardAssignment:
    """One row of the map; a state this program does not know counts as unassigned."""
    return ShardAssignment(
        row.shard,
        row.epoch,
        row.session,
        row.node,
        row.address,
        _STATE_FROM_PROTO.get(row.state, ShardState.UNASSIGNED),
        row.target_session,
    )


def map_to_get_response(shard_map: ShardMap) -> pb.GetShardMapResponse:
    """The map as the answer of GetShardMap."""
    return pb.GetShardMapResponse(
        shard_count=shard_map.shard_count,
        revision=shard_map.revision,
        assignments=map(assignment_to_proto, shard_map.assignments),
    )


def map_to_watch_response(shard_map: ShardMap) -> pb.WatchShardMapResponse:
    """The map as one message of WatchShardMap."""
    return pb.WatchShardMapResponse(
        shard_count=shard_map.shard_count,
        revision=shard_map.revision,
        assignments=map(assignment_to_proto, shard_map.assignments),
    )


def map_from_proto(message: pb.GetShardMapResponse | pb.WatchShardMapResponse) -> ShardMap:
    """The map of either answer."""
    rows: Iterable[ShardAssignment] = map(assignment_from_proto, message.assignments)
    return ShardMap.of(message.shard_count, message.revision, rows)


def registration_to_proto(
    node: NodeRegistration, *, shards_owned: int = 0, leader: bool = False, draining: bool = False
) -> pb.Node:
    """A registration as a message, with what only the map and the leader key tell."""
    return pb.Node(
        name=node.name,
        role=_ROLE_TO_PROTO[node.role],
        address=node.address,
        pid=node.pid,
        session=node.session,
        shards_owned=shards_owned,
        leader=leader,
        draining=node.draining or draining,
        position=node.extra.get("position", ""),
        metrics_address=node.extra.get("metrics", ""),
        grpc_address=node.extra.get("grpc", ""),
        version=node.extra.get(VERSION, ""),
    )


def registration_from_proto(node: pb.Node) -> NodeRegistration | None:
    """The registration in a message; None for a role that this program does not know."""
    role = _ROLE_FROM_PROTO.get(node.role)
    if role is None:
        return None
    told = {
        "position": node.position,
        "metrics": node.metrics_address,
        "grpc": node.grpc_address,
        VERSION: node.version,
    }
    extra = {name: value for name, value in told.items() if value}
    return NodeRegistration(
        node.name, role, node.address, node.pid, node.session, node.draining, extra
    )
