from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FileFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FILE_FORMAT_UNSPECIFIED: _ClassVar[FileFormat]
    FILE_FORMAT_SSIM: _ClassVar[FileFormat]
    FILE_FORMAT_FLIGHTS: _ClassVar[FileFormat]
    FILE_FORMAT_AIRPLANES: _ClassVar[FileFormat]
    FILE_FORMAT_AIRPORTS: _ClassVar[FileFormat]
    FILE_FORMAT_LEGS: _ClassVar[FileFormat]
    FILE_FORMAT_ASSIGNMENTS: _ClassVar[FileFormat]

class DuplicateHandling(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DUPLICATE_HANDLING_UNSPECIFIED: _ClassVar[DuplicateHandling]
    DUPLICATE_HANDLING_REJECT: _ClassVar[DuplicateHandling]
    DUPLICATE_HANDLING_REPLACE: _ClassVar[DuplicateHandling]
    DUPLICATE_HANDLING_REPORT: _ClassVar[DuplicateHandling]

class ImportPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_PHASE_UNSPECIFIED: _ClassVar[ImportPhase]
    IMPORT_PHASE_READING: _ClassVar[ImportPhase]
    IMPORT_PHASE_LOADING: _ClassVar[ImportPhase]
FILE_FORMAT_UNSPECIFIED: FileFormat
FILE_FORMAT_SSIM: FileFormat
FILE_FORMAT_FLIGHTS: FileFormat
FILE_FORMAT_AIRPLANES: FileFormat
FILE_FORMAT_AIRPORTS: FileFormat
FILE_FORMAT_LEGS: FileFormat
FILE_FORMAT_ASSIGNMENTS: FileFormat
DUPLICATE_HANDLING_UNSPECIFIED: DuplicateHandling
DUPLICATE_HANDLING_REJECT: DuplicateHandling
DUPLICATE_HANDLING_REPLACE: DuplicateHandling
DUPLICATE_HANDLING_REPORT: DuplicateHandling
IMPORT_PHASE_UNSPECIFIED: ImportPhase
IMPORT_PHASE_READING: ImportPhase
IMPORT_PHASE_LOADING: ImportPhase

class ImportOptions(_message.Message):
    __slots__ = ("schedule", "format", "file_name", "duplicates", "strict", "dry_run", "actor", "total_bytes")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    format: FileFormat
    file_name: str
    duplicates: DuplicateHandling
    strict: bool
    dry_run: bool
    actor: str
    total_bytes: int
    def __init__(self, schedule: _Optional[str] = ..., format: _Optional[_Union[FileFormat, str]] = ..., file_name: _Optional[str] = ..., duplicates: _Optional[_Union[DuplicateHandling, str]] = ..., strict: _Optional[bool] = ..., dry_run: _Optional[bool] = ..., actor: _Optional[str] = ..., total_bytes: _Optional[int] = ...) -> None: ...

class ImportFileRequest(_message.Message):
    __slots__ = ("options", "data", "assignments")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    options: ImportOptions
    data: bytes
    assignments: bytes
    def __init__(self, options: _Optional[_Union[ImportOptions, _Mapping]] = ..., data: _Optional[bytes] = ..., assignments: _Optional[bytes] = ...) -> None: ...

class ImportProgress(_message.Message):
    __slots__ = ("phase", "done", "total")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    phase: ImportPhase
    done: int
    total: int
    def __init__(self, phase: _Optional[_Union[ImportPhase, str]] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class ImportIssue(_message.Message):
    __slots__ = ("line", "column", "rule", "message", "rejected")
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    line: int
    column: int
    rule: str
    message: str
    rejected: bool
    def __init__(self, line: _Optional[int] = ..., column: _Optional[int] = ..., rule: _Optional[str] = ..., message: _Optional[str] = ..., rejected: _Optional[bool] = ...) -> None: ...

class ImportReport(_message.Message):
    __slots__ = ("dry_run", "refused", "records", "items", "added", "changed", "unchanged", "rejected", "rotations_created", "airplanes_registered", "assignments_changed", "code_share_duplicates", "duplicate_designators", "issue_counts", "issues", "position", "seconds")
    class IssueCountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    ROTATIONS_CREATED_FIELD_NUMBER: _ClassVar[int]
    AIRPLANES_REGISTERED_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_CHANGED_FIELD_NUMBER: _ClassVar[int]
    CODE_SHARE_DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_DESIGNATORS_FIELD_NUMBER: _ClassVar[int]
    ISSUE_COUNTS_FIELD_NUMBER: _ClassVar[int]
    ISSUES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    refused: bool
    records: int
    items: int
    added: int
    changed: int
    unchanged: int
    rejected: int
    rotations_created: int
    airplanes_registered: int
    assignments_changed: int
    code_share_duplicates: int
    duplicate_designators: int
    issue_counts: _containers.ScalarMap[str, int]
    issues: _containers.RepeatedCompositeFieldContainer[ImportIssue]
    position: str
    seconds: float
    def __init__(self, dry_run: _Optional[bool] = ..., refused: _Optional[bool] = ..., records: _Optional[int] = ..., items: _Optional[int] = ..., added: _Optional[int] = ..., changed: _Optional[int] = ..., unchanged: _Optional[int] = ..., rejected: _Optional[int] = ..., rotations_created: _Optional[int] = ..., airplanes_registered: _Optional[int] = ..., assignments_changed: _Optional[int] = ..., code_share_duplicates: _Optional[int] = ..., duplicate_designators: _Optional[int] = ..., issue_counts: _Optional[_Mapping[str, int]] = ..., issues: _Optional[_Iterable[_Union[ImportIssue, _Mapping]]] = ..., position: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class ImportFileResponse(_message.Message):
    __slots__ = ("progress", "report")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    progress: ImportProgress
    report: ImportReport
    def __init__(self, progress: _Optional[_Union[ImportProgress, _Mapping]] = ..., report: _Optional[_Union[ImportReport, _Mapping]] = ...) -> None: ...

class ExportFileRequest(_message.Message):
    __slots__ = ("schedule", "format", "min_position")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    format: FileFormat
    min_position: str
    def __init__(self, schedule: _Optional[str] = ..., format: _Optional[_Union[FileFormat, str]] = ..., min_position: _Optional[str] = ...) -> None: ...

class ExportFileResponse(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...
