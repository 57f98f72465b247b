from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ShardEpoch(_message.Message):
    __slots__ = ("shard", "epoch")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    shard: int
    epoch: int
    def __init__(self, shard: _Optional[int] = ..., epoch: _Optional[int] = ...) -> None: ...

class AssignShardsRequest(_message.Message):
    __slots__ = ("session", "shards")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    session: int
    shards: _containers.RepeatedCompositeFieldContainer[ShardEpoch]
    def __init__(self, session: _Optional[int] = ..., shards: _Optional[_Iterable[_Union[ShardEpoch, _Mapping]]] = ...) -> None: ...

class AssignShardsResponse(_message.Message):
    __slots__ = ("owned", "blocked")
    OWNED_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_FIELD_NUMBER: _ClassVar[int]
    owned: _containers.RepeatedCompositeFieldContainer[ShardEpoch]
    blocked: _containers.RepeatedCompositeFieldContainer[BlockedShard]
    def __init__(self, owned: _Optional[_Iterable[_Union[ShardEpoch, _Mapping]]] = ..., blocked: _Optional[_Iterable[_Union[BlockedShard, _Mapping]]] = ...) -> None: ...

class BlockedShard(_message.Message):
    __slots__ = ("shard", "holder_session")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    HOLDER_SESSION_FIELD_NUMBER: _ClassVar[int]
    shard: int
    holder_session: int
    def __init__(self, shard: _Optional[int] = ..., holder_session: _Optional[int] = ...) -> None: ...

class ReleaseShardsRequest(_message.Message):
    __slots__ = ("session", "shards")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    session: int
    shards: _containers.RepeatedCompositeFieldContainer[ShardEpoch]
    def __init__(self, session: _Optional[int] = ..., shards: _Optional[_Iterable[_Union[ShardEpoch, _Mapping]]] = ...) -> None: ...

class ReleaseShardsResponse(_message.Message):
    __slots__ = ("released",)
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: _containers.RepeatedCompositeFieldContainer[ShardEpoch]
    def __init__(self, released: _Optional[_Iterable[_Union[ShardEpoch, _Mapping]]] = ...) -> None: ...

class WatchHeartbeatRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchHeartbeatResponse(_message.Message):
    __slots__ = ("session", "commands", "owned")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    OWNED_FIELD_NUMBER: _ClassVar[int]
    session: int
    commands: int
    owned: _containers.RepeatedCompositeFieldContainer[ShardEpoch]
    def __init__(self, session: _Optional[int] = ..., commands: _Optional[int] = ..., owned: _Optional[_Iterable[_Union[ShardEpoch, _Mapping]]] = ...) -> None: ...

class ListServedShardsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListServedShardsResponse(_message.Message):
    __slots__ = ("session", "shards")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    session: int
    shards: _containers.RepeatedCompositeFieldContainer[ServedShard]
    def __init__(self, session: _Optional[int] = ..., shards: _Optional[_Iterable[_Union[ServedShard, _Mapping]]] = ...) -> None: ...

class ServedShard(_message.Message):
    __slots__ = ("shard", "epoch", "last_sequence")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    shard: int
    epoch: int
    last_sequence: int
    def __init__(self, shard: _Optional[int] = ..., epoch: _Optional[int] = ..., last_sequence: _Optional[int] = ...) -> None: ...
