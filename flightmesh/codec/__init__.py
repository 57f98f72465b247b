"""How domain values are stored and sent: the one place where domain and protobuf meet.

`events` and `states` are the domain's encodings; `entries` and `snapshots` the journal's, which
know no domain; `commands` reads requests; `public` writes replies. No I/O here.
"""
