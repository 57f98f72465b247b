"""Nodes write claims one after another, and a slow one holds nobody up for long."""

from typing import Any

Mesh = Any


class Counted:
    """Makes the assignments of a mesh's nodes take time, and counts how many are under way."""

    def __init__(self, mesh: Mesh) -> None:
        self.now = self.most = self.asked = 0
        for node in mesh.nodes.values():
            node.assign = self._counting(mesh, node.assign)

    def _counting(self, mesh: Mesh, assign: Any) -> Any:
        async def counted(*arguments: Any) -> Any:
            self.now += 1
            self.asked += 1
            self.most = max(self.most, self.now)
            try:
                await mesh.clock.sleep(0.03)
                return await assign(*arguments)
            finally:
                self.now -= 1

        return counted


async def test_the_heirs_of_a_dead_node_claim_one_after_another(mesh: Mesh) -> None:
    for name in "abcde":
        await mesh.node(name)
    await mesh.coordinator()
    await mesh.until_served(2.0)
    counted = Counted(mesh)

    await mesh.nodes["a"].kill()

    await mesh.until_served(1.0)
    assert counted.asked >= 4
    assert counted.most == 1


async def test_an_heir_that_does_not_answer_holds_the_others_up_for_a_moment_only(
    mesh: Mesh,
) -> None:
    nodes = [await mesh.node(name) for name in "abc"]
    await mesh.coordinator(shard_count=4)
    await mesh.until_served(2.0)
    killed = max(nodes, key=lambda node: len(node.owned))
    frozen, other = [node for node in nodes if node is not killed]
    owned = len(other.owned)

    frozen.awake.clear()
    await killed.kill()
    await mesh.clock.advance(1.0)

    assert len(other.owned) > owned
