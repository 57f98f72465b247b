from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ShardState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHARD_STATE_UNSPECIFIED: _ClassVar[ShardState]
    SHARD_STATE_UNASSIGNED: _ClassVar[ShardState]
    SHARD_STATE_ACTIVE: _ClassVar[ShardState]
    SHARD_STATE_MOVING: _ClassVar[ShardState]
    SHARD_STATE_TAKING_OVER: _ClassVar[ShardState]

class NodeRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_ROLE_UNSPECIFIED: _ClassVar[NodeRole]
    NODE_ROLE_SHARD_NODE: _ClassVar[NodeRole]
    NODE_ROLE_READ_NODE: _ClassVar[NodeRole]
    NODE_ROLE_COORDINATOR: _ClassVar[NodeRole]
    NODE_ROLE_GATEWAY: _ClassVar[NodeRole]
    NODE_ROLE_ETCD: _ClassVar[NodeRole]
    NODE_ROLE_NATS: _ClassVar[NodeRole]
    NODE_ROLE_CASSANDRA: _ClassVar[NodeRole]
SHARD_STATE_UNSPECIFIED: ShardState
SHARD_STATE_UNASSIGNED: ShardState
SHARD_STATE_ACTIVE: ShardState
SHARD_STATE_MOVING: ShardState
SHARD_STATE_TAKING_OVER: ShardState
NODE_ROLE_UNSPECIFIED: NodeRole
NODE_ROLE_SHARD_NODE: NodeRole
NODE_ROLE_READ_NODE: NodeRole
NODE_ROLE_COORDINATOR: NodeRole
NODE_ROLE_GATEWAY: NodeRole
NODE_ROLE_ETCD: NodeRole
NODE_ROLE_NATS: NodeRole
NODE_ROLE_CASSANDRA: NodeRole

class ShardAssignment(_message.Message):
    __slots__ = ("shard", "epoch", "session", "node", "address", "state", "target_session", "last_sequence")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TARGET_SESSION_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    shard: int
    epoch: int
    session: int
    node: str
    address: str
    state: ShardState
    target_session: int
    last_sequence: int
    def __init__(self, shard: _Optional[int] = ..., epoch: _Optional[int] = ..., session: _Optional[int] = ..., node: _Optional[str] = ..., address: _Optional[str] = ..., state: _Optional[_Union[ShardState, str]] = ..., target_session: _Optional[int] = ..., last_sequence: _Optional[int] = ...) -> None: ...

class GetShardMapRequest(_message.Message):
    __slots__ = ("with_last_sequences",)
    WITH_LAST_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    with_last_sequences: bool
    def __init__(self, with_last_sequences: _Optional[bool] = ...) -> None: ...

class GetShardMapResponse(_message.Message):
    __slots__ = ("shard_count", "revision", "assignments")
    SHARD_COUNT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    shard_count: int
    revision: int
    assignments: _containers.RepeatedCompositeFieldContainer[ShardAssignment]
    def __init__(self, shard_count: _Optional[int] = ..., revision: _Optional[int] = ..., assignments: _Optional[_Iterable[_Union[ShardAssignment, _Mapping]]] = ...) -> None: ...

class WatchShardMapRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchShardMapResponse(_message.Message):
    __slots__ = ("shard_count", "revision", "assignments")
    SHARD_COUNT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    shard_count: int
    revision: int
    assignments: _containers.RepeatedCompositeFieldContainer[ShardAssignment]
    def __init__(self, shard_count: _Optional[int] = ..., revision: _Optional[int] = ..., assignments: _Optional[_Iterable[_Union[ShardAssignment, _Mapping]]] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("name", "role", "address", "pid", "session", "shards_owned", "leader", "draining", "position", "metrics_address", "grpc_address", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SHARDS_OWNED_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    METRICS_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    GRPC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: NodeRole
    address: str
    pid: int
    session: int
    shards_owned: int
    leader: bool
    draining: bool
    position: str
    metrics_address: str
    grpc_address: str
    version: str
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[NodeRole, str]] = ..., address: _Optional[str] = ..., pid: _Optional[int] = ..., session: _Optional[int] = ..., shards_owned: _Optional[int] = ..., leader: _Optional[bool] = ..., draining: _Optional[bool] = ..., position: _Optional[str] = ..., metrics_address: _Optional[str] = ..., grpc_address: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class ListNodesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListNodesResponse(_message.Message):
    __slots__ = ("nodes",)
    NODES_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    def __init__(self, nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ...) -> None: ...

class MoveShardRequest(_message.Message):
    __slots__ = ("shard", "node")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    shard: int
    node: str
    def __init__(self, shard: _Optional[int] = ..., node: _Optional[str] = ...) -> None: ...

class MoveShardResponse(_message.Message):
    __slots__ = ("epoch",)
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    def __init__(self, epoch: _Optional[int] = ...) -> None: ...

class DrainNodeRequest(_message.Message):
    __slots__ = ("node",)
    NODE_FIELD_NUMBER: _ClassVar[int]
    node: str
    def __init__(self, node: _Optional[str] = ...) -> None: ...

class DrainNodeResponse(_message.Message):
    __slots__ = ("shards_left",)
    SHARDS_LEFT_FIELD_NUMBER: _ClassVar[int]
    shards_left: int
    def __init__(self, shards_left: _Optional[int] = ...) -> None: ...

class UndrainNodeRequest(_message.Message):
    __slots__ = ("node",)
    NODE_FIELD_NUMBER: _ClassVar[int]
    node: str
    def __init__(self, node: _Optional[str] = ...) -> None: ...

class UndrainNodeResponse(_message.Message):
    __slots__ = ("was_draining",)
    WAS_DRAINING_FIELD_NUMBER: _ClassVar[int]
    was_draining: bool
    def __init__(self, was_draining: _Optional[bool] = ...) -> None: ...

class RebalanceRequest(_message.Message):
    __slots__ = ("dry_run",)
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    def __init__(self, dry_run: _Optional[bool] = ...) -> None: ...

class RebalanceResponse(_message.Message):
    __slots__ = ("moves", "under_way", "at_once")
    MOVES_FIELD_NUMBER: _ClassVar[int]
    UNDER_WAY_FIELD_NUMBER: _ClassVar[int]
    AT_ONCE_FIELD_NUMBER: _ClassVar[int]
    moves: _containers.RepeatedCompositeFieldContainer[PlannedMove]
    under_way: int
    at_once: int
    def __init__(self, moves: _Optional[_Iterable[_Union[PlannedMove, _Mapping]]] = ..., under_way: _Optional[int] = ..., at_once: _Optional[int] = ...) -> None: ...

class PlannedMove(_message.Message):
    __slots__ = ("shard", "from_node", "to_node")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    FROM_NODE_FIELD_NUMBER: _ClassVar[int]
    TO_NODE_FIELD_NUMBER: _ClassVar[int]
    shard: int
    from_node: str
    to_node: str
    def __init__(self, shard: _Optional[int] = ..., from_node: _Optional[str] = ..., to_node: _Optional[str] = ...) -> None: ...
