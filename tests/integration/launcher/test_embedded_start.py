"""A mesh in one process that is told to end before it serves."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from launcher import embedded
from launcher.config import EmbeddedConfig
from launcher.readiness import until_ready
from read_node.bootstrap import ReadNode


async def test_a_signal_ends_a_start_that_still_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ReadNode, "ready", property(lambda _: False))

    async def signal_and_wait(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await until_ready(*arguments)

    monkeypatch.setattr(embedded, "until_ready", signal_and_wait)
    config = EmbeddedConfig(data_dir=tmp_path, http_port=0, grpc_port=0, sample=True)
    assert await embedded.serve(config) == 0
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.glob("sample*"))  # noqa: ASYNC240 - nothing else runs
