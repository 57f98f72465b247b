"""Files that are there as a whole or not at all."""

from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces a file as a whole."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)
