"""Rules of CONTRIBUTING.md that a program can check."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "flightmesh", "coordinator", "shard_node", "read_node", "gateway", "clients", "launcher",
)  # fmt: skip
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "misc"}
# Where each thing is allowed to be.
HOMES = {
    "wall clock": {"flightmesh/clock/__init__.py"},
    "randomness": {
        "flightmesh/clock/__init__.py",
        "flightmesh/clock/virtual.py",
        "flightmesh/testing/simulation/chance.py",
    },
    "task": {"flightmesh/runtime/tasks.py"},
    "environment": {"flightmesh/runtime/settings.py"},
}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "flightmesh/api" not in path.as_posix():
                yield path


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_the_limit() -> None:
    long = {
        place(p): lines
        for p in sources(*PACKAGES, "tests", "scripts")
        if (lines := len(p.read_text().splitlines())) > MAX_FILE_LINES
    }
    assert not long


def test_no_function_is_longer_than_the_limit() -> None:
    long = []
    for path in sources(*PACKAGES, "tests", "scripts"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long.append(f"{place(path)}:{node.lineno} {node.name}: {lines}")
    assert not long


def test_no_module_has_a_name_without_an_owner() -> None:
    vague = [
        place(p)
        for p in sources(*PACKAGES)
        if p.stem in VAGUE_NAMES or p.parent.name in VAGUE_NAMES
    ]
    assert not vague


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def uses(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """What a module uses of the things that have one home."""
    for node in ast.walk(tree):
        name = dotted(node) if isinstance(node, ast.Attribute) else ""
        if name in {"time.time", "time.time_ns", "time.monotonic", "time.perf_counter"}:
            yield "wall clock", node.lineno
        if re.fullmatch(r"(dt|datetime)\.(datetime\.)?(now|utcnow|today)", name):
            yield "wall clock", node.lineno
        if name in {"os.environ", "os.getenv"}:
            yield "environment", node.lineno
        if name in {"asyncio.create_task", "asyncio.ensure_future"}:
            yield "task", node.lineno
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in {"random", "secrets"}:
                    yield "randomness", node.lineno
        if isinstance(node, ast.ImportFrom) and node.module in {"random", "secrets"}:
            yield "randomness", node.lineno


def test_clock_randomness_tasks_and_environment_have_one_home_each() -> None:
    elsewhere = [
        f"{place(path)}:{line} {thing}"
        for path in sources(*PACKAGES)
        for thing, line in uses(ast.parse(path.read_text()))
        if place(path) not in HOMES[thing]
    ]
    assert not elsewhere


@pytest.mark.parametrize("planted", ["import random", "import time\ntime.time()"])
def test_the_check_for_homes_can_fail(planted: str) -> None:
    assert list(uses(ast.parse(planted)))


def test_every_rpc_and_field_of_the_protos_has_a_comment() -> None:
    bare = []
    for path in sorted((ROOT / "protos").rglob("*.proto")):
        previous, depth_of_option = "", 0
        for number, line in enumerate(path.read_text().splitlines(), 1):
            text = line.strip()
            if text.startswith("option "):
                depth_of_option += text.count("{") - text.count("}")
                previous = text
                continue
            if depth_of_option > 0:
                depth_of_option += text.count("{") - text.count("}")
                previous = text
                continue
            declares = re.match(
                r"(rpc |service |message |enum |oneof |(optional |repeated )?[\w.<>, ]+ \w+ = \d+)",
                text,
            ) or re.match(r"[A-Z_0-9]+ = \d+;", text)
            is_plain = not text.startswith(("//", "import", "package", "syntax"))
            if declares and is_plain and not previous.startswith("//"):
                bare.append(f"{place(path)}:{number} {text}")
            previous = text
    assert not bare


def test_no_file_names_a_machine_or_a_registry() -> None:
    pattern = re.compile(
        "|".join(["/wo" + "rk/", "/ro" + "ot/", "index" + "-url", "pypi" + r"\.org", "/home" + "/"])
    )
    suspects = [ROOT / name for name in ("Makefile", "README.md", "pyproject.toml")]
    suspects += list(sources(*PACKAGES, "tests", "scripts"))
    suspects += [*ROOT.glob("docs/**/*.md"), *ROOT.glob("requirements/*"), *ROOT.glob("*.md")]
    named = [place(p) for p in suspects if p.exists() and pattern.search(p.read_text())]
    assert not named
