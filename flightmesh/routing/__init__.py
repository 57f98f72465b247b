"""Finding the owner of a shard, retrying and coalescing; for gateway, clients and nodes."""
