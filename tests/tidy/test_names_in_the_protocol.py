"""What docs/protocol.md names is there: files, folders, classes, methods, rules."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "protocol.md").read_text()
SOURCES = [
    path
    for folder in ("flightmesh", "coordinator", "shard_node", "read_node", "launcher")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "flightmesh/api" not in path.as_posix()
]
NAMES = re.findall(r"`([^`\n]+)`", TEXT)
RULES = range(1, 25)


def is_there(path: str) -> bool:
    """A path from the root or from flightmesh; a bare file name of any package; wildcards too."""
    if any(ROOT.glob(path)) or any((ROOT / "flightmesh").glob(path)):
        return True
    return "/" not in path and any(source.match(path) for source in SOURCES)


def test_its_files_and_folders_exist() -> None:
    paths = [name.rstrip("/") for name in NAMES if re.fullmatch(r"[\w*./]+(/|\.py)[\w*.]*", name)]
    paths += [name for name in NAMES if re.fullmatch(r"[a-z_]+(/[a-z_*]+)+", name)]
    assert len(paths) > 30
    assert not [path for path in paths if not is_there(path)]


def test_its_classes_and_methods_exist() -> None:
    code = "\n".join(path.read_text() for path in SOURCES)
    missing = []
    for name in NAMES:
        if not re.fullmatch(r"[A-Z]\w+[a-z](\.\w+)?", name):
            continue
        owner, _, method = name.partition(".")
        patterns = [rf"^class {owner}\b"]
        if method:
            patterns.append(rf"^    (async )?def {method}\(")
        if not all(re.search(pattern, code, re.MULTILINE) for pattern in patterns):
            missing.append(name)
    assert not missing


def test_every_rule_stands_in_the_table_once_and_is_named_in_code_or_tests() -> None:
    stated = [int(number) for number in re.findall(r"^\| (\d+) \| [CHL]", TEXT, re.MULTILINE)]
    assert stated == list(RULES)
    everywhere = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
    named: set[int] = set()
    for path in everywhere:
        for numbers in re.findall(r"[Rr]ules? ((?:\d+(?:-|, | and )?)+)", path.read_text()):
            for first, last in re.findall(r"(\d+)(?:-(\d+))?", numbers):
                named.update(range(int(first), int(last or first) + 1))
    assert sorted(set(RULES) - named) == []
