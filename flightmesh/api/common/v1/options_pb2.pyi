from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor
REQUEST_HEADER_FIELD_NUMBER: _ClassVar[int]
request_header: _descriptor.FieldDescriptor
RESPONSE_HEADER_FIELD_NUMBER: _ClassVar[int]
response_header: _descriptor.FieldDescriptor
