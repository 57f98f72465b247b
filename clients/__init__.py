"""Typed Python clients (asyncio and sync) and the command line, over flightmesh.api only."""
