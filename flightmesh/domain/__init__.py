"""The airline-schedule domain: aggregates, commands, events and values.

Pure: no I/O, no clock, no randomness, no driver, no protobuf. `decide` maps (state, command) to
events or a refusal and never changes the state; `evolve` maps (state, event) to the next state.
"""
