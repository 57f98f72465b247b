"""The worked example of docs/testing-kit.md does what it says."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from flightmesh import testing
from flightmesh.testing.journal_contract import JournalContract

PAGE = Path(__file__).resolve().parents[3] / "docs" / "testing-kit.md"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """The names that the page's blocks define, run in order."""
    names: dict[str, Any] = {}
    text = PAGE.read_text()
    for match in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
        line = text[: match.start(1)].count("\n")
        # Line numbers of the page, so that a failure names the line that is wrong.
        exec(compile("\n" * line + match.group(1), str(PAGE), "exec"), names)
    return names


def test_every_block_runs(example: dict[str, Any]) -> None:
    assert {"story", "faults", "history", "violation"} <= example.keys()


async def test_the_example_adapter_is_held_against_the_contract(
    example: dict[str, Any], tmp_path: Path
) -> None:
    suite = example["TestMyJournal"]()
    assert isinstance(suite, JournalContract)
    tests = [name for name in dir(suite) if name.startswith("test_")]
    assert len(tests) > 5
    ran = 0
    for name in tests:
        test = getattr(suite, name)
        if list(inspect.signature(test).parameters) == ["journal"]:
            async with suite.create_journal(tmp_path) as journal:
                await test(journal)
            ran += 1
    assert ran > 5


def test_every_suite_that_the_page_names_exists() -> None:
    folder = Path(inspect.getfile(testing)).parent
    text = PAGE.read_text()
    sources = {path.stem: path.read_text() for path in folder.glob("*.py")}
    for name in set(re.findall(r"\b\w+Contract\b", text)):
        assert any(
            f"class {name}(" in code or f"class {name}:" in code for code in sources.values()
        )
    for module in set(re.findall(r"`(\w+_contract\w*)\.", text)):
        assert module in sources
    for wrapper in re.findall(r"`(Faulty\w+)`", text):
        assert f"class {wrapper}" in sources["faults"]
