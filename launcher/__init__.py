"""Composition root: the embedded process and the `flightmesh` entry point."""
