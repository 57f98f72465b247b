"""The read node: replays and follows the journal, and answers queries over whole schedules.

It holds no truth of its own: its model is the fold of all ledgers up to its position, and can be
rebuilt from zero at any time. What holds here:

* An entry is applied once, events of a shard in shard-sequence order; whatever comes early is held.
* The model is the same for every interleaving of shards.
* The position counts an entry only when all its events are applied.
* Findings are kept as events arrive; a query reads them and computes no check.

What it must not do: write to the journal, or answer before it has caught up.
"""
