"""The ledger protocol over the journal port: writing, rolling, sealing and reading ledgers.

`birth` gives a session its ledger, `writer` appends to it, `sealer` ends it for ever, `reader`
follows it; `persistence` repeats requests until their outcome is known. The numbered rules that
comments name are in docs/protocol.md. Nothing here knows shards, aggregates or domains.
"""
