"""The ledger protocol over the journal port: writing, rolling, sealing and reading ledgers."""
