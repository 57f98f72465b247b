"""The shard node: takes commands, decides them, journals them and answers."""
