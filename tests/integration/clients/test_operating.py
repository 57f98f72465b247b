"""The commands of operators against a scripted mesh."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from clients.cli.app import app


def run(scripted: Any, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--server", scripted.address])


def test_operators_steer_the_shards(scripted: Any) -> None:
    moved = run(scripted, "move-shard", "5", "--to", "n2")
    assert "shard 5 is moving to n2" in moved.stdout
    drained = run(scripted, "drain", "n1", "--json")
    assert json.loads(drained.stdout) == {"node": "n1", "shards_left": 4}
    assert "n1 takes shards again" in run(scripted, "undrain", "n1").stdout
    assert "n2 was not being drained" in run(scripted, "undrain", "n2").stdout


def test_a_drain_can_be_waited_for(scripted: Any) -> None:
    waited = run(scripted, "drain", "n1", "--wait")
    assert waited.stdout == "n1 is drained: it owns no shards\n"
    assert len(scripted.calls["DrainNode"]) == 5


def test_a_drain_that_takes_too_long_is_told(scripted: Any) -> None:
    late = run(scripted, "drain", "n1", "--wait", "--wait-limit", "0")
    assert late.exit_code == 3
    assert late.stderr == "flightmesh: 4 shards are left to move after 0 s (UNAVAILABLE)\n"


def test_rebalancing_shows_its_moves(scripted: Any) -> None:
    planned = run(scripted, "rebalance", "--dry-run")
    assert planned.stdout.splitlines() == [
        "shard 5: n1 to n2",
        "to be moved: 1, 3 at a time",
        "under way just now: 1",
    ]
    assert scripted.calls["Rebalance"][0].dry_run


def test_rebalancing_can_be_waited_for(scripted: Any) -> None:
    done = json.loads(run(scripted, "rebalance", "--wait", "--json").stdout)
    assert done["moves"] == [{"shard": 5, "from_node": "n1", "to_node": "n2"}]
    assert [request.dry_run for request in scripted.calls["Rebalance"]] == [False, *[True] * 3]
