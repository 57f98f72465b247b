"""docs/metrics.md names every metric and no other; docs/operating.md every field of the logs."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import coordinator.metrics
import flightmesh.event_bus.metrics
import flightmesh.routing.metrics
import gateway.metrics
import read_node.metrics
import shard_node.metrics
from flightmesh.runtime import process_metrics
from flightmesh.runtime.logs import FIELDS
from flightmesh.runtime.metrics import Definition, Kind

ROOT = Path(__file__).resolve().parents[2]
METRICS = (ROOT / "docs" / "metrics.md").read_text()
OPERATING = (ROOT / "docs" / "operating.md").read_text()
SECTIONS: dict[str, Any] = {
    "Gateway": gateway.metrics,
    "Routing": flightmesh.routing.metrics,
    "Shard node": shard_node.metrics,
    "Read node": read_node.metrics,
    "Coordinator": coordinator.metrics,
    "Event bus": flightmesh.event_bus.metrics,
    "Every process": process_metrics,
}
ALL: list[Definition] = [each for module in SECTIONS.values() for each in module.DEFINITIONS]
ROW = re.compile(r"^\| `(flightmesh_\w+)` \| (\w+) \| ([\w, ]*) ?\| ([^|]+) \| ([^|]*) ?\|$", re.M)


def exposed(definition: Definition) -> str:
    return definition.name + ("_total" if definition.kind is Kind.COUNTER else "")


def told(module: Any) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(exposed(each), each.kind.value, each.labels) for each in module.DEFINITIONS}


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_lists_its_metrics_with_type_and_labels(section: str) -> None:
    text = METRICS.split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = ROW.findall(text)
    documented = {
        (name, kind, tuple(part.strip() for part in labels.split(",") if part.strip()))
        for name, kind, labels, _, _ in rows
    }
    assert documented == told(SECTIONS[section])
    assert len(rows) == len(documented)


def test_no_document_names_a_metric_that_is_not_there() -> None:
    known = {exposed(each) for each in ALL}
    known |= {
        exposed(each) + suffix
        for each in ALL
        if each.kind is Kind.HISTOGRAM
        for suffix in ("_bucket", "_sum", "_count")
    }
    prefixes = "|".join(sorted({each.name.split("_")[1] for each in ALL}))
    wrong = {
        f"{path.name}: {name}"
        for path in sorted((ROOT / "docs").rglob("*.md"))
        for name in re.findall(rf"\bflightmesh_(?:{prefixes})_\w+", path.read_text())
        if name not in known
    }
    assert not wrong


def test_names_are_unique_and_end_in_their_unit() -> None:
    names = [each.name for each in ALL]
    assert len(names) == len(set(names))
    for each in ALL:
        assert re.fullmatch(r"flightmesh(_[a-z]+)+", each.name), each.name
        assert not each.name.endswith(("_total", "_count", "_sum", "_bucket")), each.name
        assert "node" not in each.labels, each.name
        assert each.meaning.endswith("."), each.name


def test_every_definition_of_a_module_is_in_its_list() -> None:
    for module in SECTIONS.values():
        defined = {value for value in vars(module).values() if isinstance(value, Definition)}
        assert defined == set(module.DEFINITIONS), module.__name__


def test_every_field_of_the_logs_is_documented_and_no_other() -> None:
    text = OPERATING.split("\n## Logs\n")[1].split("\n## ")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", text, re.MULTILINE))
    assert documented == dict(FIELDS)


def field_names(tree: ast.AST) -> set[str]:
    """Keywords of calls of `fields`, and of `_about`, which passes its own on to it."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    telling = [call for call in calls if re.search(r"^fields$|\._about$", ast.unparse(call.func))]
    return {keyword.arg for call in telling for keyword in call.keywords if keyword.arg}


def test_every_field_of_the_logs_is_used_and_known() -> None:
    packages = ("flightmesh", "shard_node", "read_node", "coordinator", "gateway", "launcher")
    used: set[str] = set()
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            used |= field_names(ast.parse(path.read_text()))
    assert used == FIELDS.keys()
