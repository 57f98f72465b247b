"""The coordinator: one leader assigns shards to shard nodes and fences those that are lost."""
