# ruff: noqa: D102 - the names of the tests are sentences that say what is promised
"""What every adapter of the Registry port keeps, as a pytest class to inherit from."""

import asyncio
from contextlib import aclosing
from typing import Any, cast

from flightmesh.registry import Compare, Delete, Put, Registry


class RegistryContract:
    """Subclass it, say how to create an empty registry and how its time passes.

    Names of tests say what is promised.
    """

    async def create_registry(self) -> Registry:
        """An empty registry."""
        raise NotImplementedError

    async def pass_time(self, seconds: float) -> None:
        """Lets that much of the registry's time pass."""
        raise NotImplementedError

    async def test_an_empty_registry_lists_nothing(self) -> None:
        registry = await self.create_registry()
        assert list((await registry.list_prefix("")).items) == []

    async def test_what_is_put_is_listed_in_order_of_keys(self) -> None:
        registry = await self.create_registry()
        await registry.transact([], [Put("b/2", b"2"), Put("b/1", b"1"), Put("c", b"3")])

        listing = await registry.list_prefix("b/")

        assert [(item.key, item.value) for item in listing.items] == [("b/1", b"1"), ("b/2", b"2")]

    async def test_each_transaction_raises_the_one_revision(self) -> None:
        registry = await self.create_registry()
        first = await registry.transact([], [Put("a", b"1"), Put("b", b"1")])
        second = await registry.transact([], [Put("c", b"1")])

        assert second.revision > first.revision
        items = {item.key: item for item in (await registry.list_prefix("")).items}
        assert items["a"].mod_revision == items["b"].mod_revision == first.revision
        assert (await registry.list_prefix("")).revision >= second.revision

    async def test_a_change_keeps_the_create_revision_and_a_new_creation_has_a_new_one(
        self,
    ) -> None:
        registry = await self.create_registry()
        created = await registry.transact([], [Put("a", b"1")])
        changed = await registry.transact([], [Put("a", b"2")])
        item = (await registry.list_prefix("a")).items[0]
        assert (item.create_revision, item.mod_revision) == (created.revision, changed.revision)

        await registry.transact([], [Delete("a")])
        again = await registry.transact([], [Put("a", b"3")])
        assert (await registry.list_prefix("a")).items[0].create_revision == again.revision

    async def test_a_transaction_does_all_its_writes_or_none(self) -> None:
        registry = await self.create_registry()
        await registry.transact([], [Put("a", b"1")])

        refused = await registry.transact(
            [Compare("a", mod_revision=0)], [Put("a", b"2"), Put("b", b"2")]
        )

        assert not refused.succeeded
        assert [item.value for item in (await registry.list_prefix("")).items] == [b"1"]

    async def test_conditions_compare_both_revisions_and_absence(self) -> None:
        registry = await self.create_registry()
        created = (await registry.transact([], [Put("a", b"1")])).revision
        changed = (await registry.transact([], [Put("a", b"2")])).revision

        async def holds(compare: Compare) -> bool:
            return (await registry.transact([compare], [])).succeeded

        assert await holds(Compare("a", create_revision=created, mod_revision=changed))
        assert not await holds(Compare("a", create_revision=changed))
        assert not await holds(Compare("a", mod_revision=created))
        assert not await holds(Compare("a", create_revision=0))
        assert await holds(Compare("x", create_revision=0, mod_revision=0))
        assert not await holds(Compare("x", mod_revision=changed))

    async def test_deleting_what_is_not_there_succeeds(self) -> None:
        registry = await self.create_registry()
        assert (await registry.transact([], [Delete("a")])).succeeded

    async def test_of_two_that_create_the_same_key_one_succeeds(self) -> None:
        registry = await self.create_registry()
        absent = [Compare("leader", create_revision=0)]

        results = await asyncio.gather(
            *(registry.transact(absent, [Put("leader", b"%d" % n)]) for n in range(5))
        )

        assert sum(result.succeeded for result in results) == 1

    async def test_a_key_is_deleted_when_its_lease_ends(self) -> None:
        registry = await self.create_registry()
        lease = await registry.grant_lease(2.0)
        await registry.transact([], [Put("a", b"1", lease), Put("b", b"1")])
        assert (await registry.list_prefix("a")).items[0].lease == lease

        await self.pass_time(4.0)

        assert [item.key for item in (await registry.list_prefix("")).items] == ["b"]
        assert not await registry.keep_alive(lease)

    async def test_a_lease_that_is_kept_alive_does_not_end(self) -> None:
        registry = await self.create_registry()
        lease = await registry.grant_lease(2.0)
        await registry.transact([], [Put("a", b"1", lease)])

        for _ in range(4):
            await self.pass_time(1.0)
            assert await registry.keep_alive(lease)

        assert (await registry.list_prefix("a")).items

    async def test_a_revoked_lease_ends_at_once_and_may_be_revoked_again(self) -> None:
        registry = await self.create_registry()
        lease = await registry.grant_lease(60.0)
        await registry.transact([], [Put("a", b"1", lease)])

        await registry.revoke_lease(lease)
        await registry.revoke_lease(lease)

        assert not (await registry.list_prefix("a")).items
        assert not await registry.keep_alive(lease)

    async def test_a_key_written_again_without_its_lease_outlives_it(self) -> None:
        registry = await self.create_registry()
        lease = await registry.grant_lease(2.0)
        await registry.transact([], [Put("a", b"1", lease)])
        await registry.transact([], [Put("a", b"2")])

        await self.pass_time(4.0)

        assert [item.value for item in (await registry.list_prefix("a")).items] == [b"2"]

    async def test_a_watch_tells_of_changes_from_the_call_on(self) -> None:
        registry = await self.create_registry()
        watch = registry.watch_prefix("a/")
        async with aclosing(cast(Any, watch)):
            await registry.transact([], [Put("b", b"1")])
            await registry.transact([], [Put("a/1", b"1")])
            wanted = (await registry.transact([], [Put("a/2", b"1")])).revision
            async with asyncio.timeout(5):
                while await anext(watch) < wanted:
                    pass

    async def test_a_watch_tells_of_deletions_and_of_leases_that_end(self) -> None:
        registry = await self.create_registry()
        lease = await registry.grant_lease(60.0)
        await registry.transact([], [Put("a/1", b"1", lease)])
        watch = registry.watch_prefix("a/")
        async with aclosing(cast(Any, watch)):
            await registry.revoke_lease(lease)
            async with asyncio.timeout(5):
                await anext(watch)
        assert not (await registry.list_prefix("a/")).items
