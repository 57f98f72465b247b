"""Loading files into a schedule and writing a schedule to files; the pure part.

Bytes in, values out: a planner (`planners`) is fed pieces of a file and ends in a `LoadPlan`
(`plan`); `difference` compares a plan with what the schedule holds and names the commands that are
missing; the `export_*` modules write a schedule as bytes. Nothing here does I/O, waits, or knows
gRPC: services wrap it.

Invariants:
- One bad line is an issue with its place and rule; it never ends the reading of a file.
- Memory while reading is bounded by the longest line allowed and the values kept.
- The same bytes give the same plan, ids included.
"""
