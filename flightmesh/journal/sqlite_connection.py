"""Opening a SQLite file: what a connection is set to, and which files are refused."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from flightmesh.errors import ConfigurationError

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """How a database is opened.

    Attributes:
        path: the file.
        schema: statements that create what is missing.
        schema_version: kept in the file; another version is refused.
        synchronous: "FULL" (fsync at each commit) or "NORMAL" (fsync at checkpoints; after a power
            loss the file is as of some earlier commit).
        readers: number of reading threads.
        busy_timeout_s: how long a statement waits for a lock.
        connection_class: tests plant failing connections here.
    """

    path: Path
    schema: str
    schema_version: int
    synchronous: str
    readers: int = 2
    busy_timeout_s: float = 5.0
    connection_class: type[sqlite3.Connection] = sqlite3.Connection


def statement(sql: str, parameters: Sequence[object] = ()) -> Operation[None]:
    """An operation that executes one statement and returns nothing."""

    def execute(connection: sqlite3.Connection) -> None:
        connection.execute(sql, parameters).close()

    return execute


def connect(options: DatabaseOptions) -> sqlite3.Connection:
    """A connection in autocommit mode with the options applied.

    Raises:
        ConfigurationError: the file cannot be opened, or has another version.
    """
    try:
        connection = sqlite3.connect(
            options.path,
            timeout=options.busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
            factory=options.connection_class,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {options.synchronous}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise ConfigurationError(f"cannot open {options.path.name}: {error}") from error
    if version not in (0, options.schema_version):
        connection.close()
        raise ConfigurationError(
            f"{options.path.name} has format {version}, this program needs {options.schema_version}"
        )
    return connection


def create_schema(options: DatabaseOptions) -> None:
    """Creates the file and its tables where they are missing, in one transaction.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    connection = connect(options)
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {options.schema}"
            f"PRAGMA user_version = {options.schema_version}; COMMIT;"
        )
    except sqlite3.Error as error:
        raise ConfigurationError(f"cannot prepare {options.path.name}: {error}") from error
    finally:
        connection.close()
