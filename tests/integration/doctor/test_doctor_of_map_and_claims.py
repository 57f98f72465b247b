"""MAP: the owner of a shard by the map holds its claim, now or soon."""

from collections.abc import Sequence
from typing import Any

import pytest

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as mesh
from flightmesh.errors import Unavailable
from flightmesh.journal import Claim, ClaimChange
from flightmesh.journal.memory import InMemoryStore
from launcher import doctor_mesh
from launcher.doctor_mesh import check_map

ACTIVE, TAKING_OVER = mesh.SHARD_STATE_ACTIVE, mesh.SHARD_STATE_TAKING_OVER
MOVING = mesh.SHARD_STATE_MOVING


class Asked:
    """A client to whom one map after another is told, the last one again and again."""

    def __init__(self, *maps: Sequence[mesh.ShardAssignment]) -> None:
        self._maps = list(maps)
        self.mesh = self

    async def shard_map(self) -> Any:
        rows = self._maps.pop(0) if len(self._maps) > 1 else self._maps[0]
        return mesh.GetShardMapResponse(assignments=rows)


class Silent:
    """A client of a mesh that does not answer."""

    mesh: Any = property(lambda self: self)

    async def shard_map(self) -> Any:
        raise Unavailable("nobody there")


def row(session: int, state: Any = ACTIVE) -> mesh.ShardAssignment:
    return mesh.ShardAssignment(shard=0, session=session, state=state)


async def held_by(holder: int, *, released: bool = False) -> Any:
    store = InMemoryStore()
    await store.claims.change_claims([ClaimChange(None, Claim(0, holder, 1, released, (holder,)))])
    return store.claims


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_mesh, "_PAUSE_S", 0.0)


async def told(client: Any, claims: Any) -> list[str]:
    found = await check_map(client, claims)
    assert found.verdict == ("violated" if found.evidence else "ok")
    return [each.what for each in found.evidence]


async def test_a_claim_of_the_maps_owner_is_well() -> None:
    assert await told(Asked([row(2)]), await held_by(2)) == []


async def test_a_map_that_stays_wrong_is_told() -> None:
    what = ["a shard's owner by the map does not hold its claim"]
    assert await told(Asked([row(3)]), await held_by(2)) == what
    assert await told(Asked([row(2)]), await held_by(2, released=True)) == what
    assert await told(Asked([row(2)]), InMemoryStore().claims) == what


async def test_a_shard_on_its_way_is_waited_for() -> None:
    on_its_way = [row(2, TAKING_OVER)]
    assert await told(Asked(on_its_way, on_its_way, [row(2)]), await held_by(2)) == []
    assert await told(Asked(on_its_way), await held_by(2)) == [
        "a shard is not served, or stays on its way"
    ]


async def test_a_map_that_nobody_tells_is_told() -> None:
    assert await told(Silent(), await held_by(2)) == ["map or claims cannot be read"]


async def test_shards_that_move_one_after_another_are_well() -> None:
    store = InMemoryStore()
    shards = range(30)
    held = [ClaimChange(None, Claim(shard, 2, 1, False, (2,))) for shard in shards]
    await store.claims.change_claims(held)

    def a_map(moving: int) -> list[mesh.ShardAssignment]:
        return [
            mesh.ShardAssignment(
                shard=shard, session=2, state=MOVING if shard == moving else ACTIVE
            )
            for shard in shards
        ]

    assert await told(Asked(*map(a_map, shards)), store.claims) == []
