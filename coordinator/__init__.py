"""The coordinator: gives shards to shard nodes.

Coordinators elect a leader; the rest stand by. The leader compares what is (registrations, signs of
life, the map, the claims of the ledger store) with what should be, and takes the next step of every
shard: assign, move, take over. It keeps nothing that a successor could not find again.

Invariants: every write to the map is guarded by the leader key and by the row's own revision;
epochs only grow; a shard is taken from a session only after that session released it or its ledger
is sealed. The coordinator never takes part in a command: commands go on without it.
"""
