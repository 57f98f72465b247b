"""The shard map and its allocation. Pure."""
