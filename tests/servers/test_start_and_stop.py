"""The servers start, say when they are ready, and end when they are told to."""

import os
from pathlib import Path

import pytest

from flightmesh.errors import ConfigurationError, Unavailable
from launcher.servers.cassandra import Cassandra
from launcher.servers.etcd import Etcd, members_in
from launcher.servers.install import Servers, check_tools, install, java
from launcher.servers.nats import Nats
from launcher.servers.process import ServerProcess, ask


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_three_members_of_etcd_serve_together(servers: Servers, tmp_path: Path) -> None:
    etcd = Etcd(servers, members_in(tmp_path, 3))
    try:
        etcd.start()
        pids = [process.pid for process in etcd.processes]
        assert all(map(is_alive, pids))
    finally:
        etcd.stop()
    assert not any(map(is_alive, pids))


def test_a_killed_server_starts_again_on_its_data(servers: Servers, tmp_path: Path) -> None:
    nats = Nats(servers, tmp_path / "nats")
    with nats.process:
        nats.start()
        nats.process.kill()
        assert not nats.process.running
        nats.start()
        assert ask(nats.host, nats.port, b"", 5).startswith(b"INFO")
    assert not nats.process.running


def test_a_frozen_server_is_stopped_all_the_same(servers: Servers, tmp_path: Path) -> None:
    nats = Nats(servers, tmp_path / "nats")
    nats.start()
    nats.process.pause()
    nats.process.stop()
    assert not nats.process.running


def test_a_server_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    process = ServerProcess(
        "broken", ["sh", "-c", "echo no such disk; exit 3"], tmp_path, lambda: False
    )
    process.start()
    with pytest.raises(Unavailable, match=r"(?s)broken has ended.*no such disk"):
        process.wait_ready()


def test_a_server_that_never_gets_ready_is_reported(tmp_path: Path) -> None:
    process = ServerProcess("slow", ["sleep", "60"], tmp_path, lambda: False)
    with process:
        process.start()
        with pytest.raises(Unavailable, match="slow is not ready"):
            process.wait_ready(0.2)


def test_every_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        check_tools(["cassandra", "etcd"])
    for what in ("Java", "Maven", "Go"):
        assert f"{what}" in caught.value.message


def test_what_is_installed_is_left_alone(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java().resolve().parent.parent))
    monkeypatch.setenv("PATH", "")
    said: list[str] = []
    install(servers, ["cassandra", "etcd", "nats-server"], said.append)
    assert all(text.endswith("is there") for text in said)


def test_java_is_missed_also_where_cassandra_is_installed(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigurationError, match="Java 11 or 17 is missing"):
        install(servers, ["cassandra"])


def test_cassandra_answers_clients(cassandra_server: Cassandra) -> None:
    assert cassandra_server.process.running
