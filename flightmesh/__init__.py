"""Flightmesh: an airline-schedule service, event-sourced and sharded over a gRPC mesh.

This package holds what the services share. It never imports a service package.
"""
