"""The shard node: takes commands, decides them, journals them and answers.

Invariants:
* A reply leaves only after the command's entry is committed: durable, and fenced.
* What is decided lives in one session and dies with it; nothing is ever undone.
* A shard is served only under a claim that this session holds, after its recovery.

The numbered rules in comments are those of docs/protocol.md. From the inside out: `slot` (a shard
in memory), `entry_queue` (group commit), `intake` (the path of a command), `ownership` and
`recovery` (claims), `index_flusher`, `session` (all of them), `node` (sessions one after another),
`handlers` (any node takes any command), `grpc_service`. Only `translate`, `aggregates` and
`bootstrap` know the domain.
"""
