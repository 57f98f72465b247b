from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class NotOwner(_message.Message):
    __slots__ = ("shard", "epoch", "owner_session", "owner_address")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    OWNER_SESSION_FIELD_NUMBER: _ClassVar[int]
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    shard: int
    epoch: int
    owner_session: int
    owner_address: str
    def __init__(self, shard: _Optional[int] = ..., epoch: _Optional[int] = ..., owner_session: _Optional[int] = ..., owner_address: _Optional[str] = ...) -> None: ...

class ShardMoving(_message.Message):
    __slots__ = ("shard", "epoch", "retry_after_ms")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    shard: int
    epoch: int
    retry_after_ms: int
    def __init__(self, shard: _Optional[int] = ..., epoch: _Optional[int] = ..., retry_after_ms: _Optional[int] = ...) -> None: ...
