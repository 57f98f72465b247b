"""Fixtures that all tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

# An example may take long on a busy machine; no test measures time.
hypothesis.settings.register_profile("flightmesh", deadline=None)
hypothesis.settings.load_profile("flightmesh")

_REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real files (`FLIGHTMESH_TEST_DATA`, default `../shared/data`); skips without."""
    folder = Path(os.environ.get("FLIGHTMESH_TEST_DATA", _REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real files are not at {folder} (FLIGHTMESH_TEST_DATA)")
    return folder
