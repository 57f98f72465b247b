"""Deterministic simulation: a mesh in one process on virtual time, with everything that can fail.

One seed decides all: who runs when, how long each message takes, what fails. The parts here know no
service; `tests/simulation` puts the real services on them. See docs/simulation.md.
"""
