"""Elections over the registry in memory keep the contract."""

from flightmesh.registry import Registry
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.testing.election_contract import ElectionContract


class TestElectionInMemory(ElectionContract):
    async def create_registry(self) -> Registry:
        return InMemoryRegistry(self.clock)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
