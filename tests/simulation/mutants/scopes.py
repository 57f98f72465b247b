"""D5: what belongs to which life of a schedule (docs/adr/0023)."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from shard_node import intake

Patches = Iterator[Any]


def created_again_at_once() -> Patches:
    yield patch.object(intake, "REOPEN_AFTER_S", 0.0)
