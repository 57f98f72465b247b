"""The command line `flightmesh`: the asyncio client with options, tables, JSON and exit codes.

Invariants: results go to stdout, everything else to stderr; an error is one line with its reason;
large outputs are written as they arrive.
"""
