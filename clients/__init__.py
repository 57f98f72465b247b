"""Clients of Flightmesh: a typed Python client (asyncio and blocking), command line, load client.

Everything here speaks the public gRPC services and nothing else: no part of a server is imported.
Commands go straight to the owner of their shard, and a retry always carries the same command id.
"""
