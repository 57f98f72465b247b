"""The figures: collected, written as JSON, printed as a table."""

import json
import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Result:
    """What one kind of fault was measured at.

    Attributes:
        name: the fault, and what is counted from when to when.
        unit: of all figures.
        goal: by name of the figure, what it is to stay below.
        values: one per run (or sample).
        notes: how it was done, and what else was seen.
        runs: what was noted of each run.
    """

    name: str
    unit: str = "s"
    goal: dict[str, float] = field(default_factory=dict)
    values: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        ordered = sorted(self.values)
        if not ordered:
            return {}
        return {
            "count": len(ordered),
            "median": statistics.median(ordered),
            "p90": percentile(ordered, 0.90),
            "p99": percentile(ordered, 0.99),
            "slowest": ordered[-1],
        }

    def reached(self) -> bool:
        figures = self.figures()
        return bool(figures) and all(figures[name] < limit for name, limit in self.goal.items())

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "goal": self.goal,
            "reached": self.reached() if self.goal else None,
            **self.figures(),
            "values": [round(value, 4) for value in self.values],
            "notes": self.notes,
            "runs": self.runs,
        }


def percentile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that this part of all does not exceed."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def write(results: Sequence[Result], about: dict[str, Any], file: Path) -> None:
    """Writes all figures; may be called again as they come in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    about = {**about, "load_average_at_the_end": os.getloadavg()}
    text = json.dumps({"about": about, "results": [r.as_json() for r in results]}, indent=2)
    file.write_text(text + "\n")


def table(results: Sequence[Result]) -> str:
    """The figures for people."""
    lines = [f"{'':58} {'runs':>5} {'median':>8} {'p99':>8} {'slowest':>8}  goal"]
    for result in results:
        figures = result.figures()
        if not figures:
            continue
        goal = ", ".join(f"{name} < {limit:g} {result.unit}" for name, limit in result.goal.items())
        verdict = "" if not goal else ("  reached" if result.reached() else "  NOT reached")
        lines.append(
            f"{result.name:58} {figures['count']:5.0f} {figures['median']:8.3f}"
            f" {figures['p99']:8.3f} {figures['slowest']:8.3f}  {goal}{verdict}"
        )
        lines += [f"    {note}" for note in result.notes]
    return "\n".join(lines)
