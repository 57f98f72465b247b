"""Every test that docs/fault-tests.md names exists, and every case of its lists is there."""

import re

from tests.tidy.test_rules_of_the_code import ROOT, sources

PAGE = ROOT / "docs" / "fault-tests.md"


def existing_tests() -> set[str]:
    found = set[str]()
    for path in sources("tests", "flightmesh/testing"):
        found.update(re.findall(r"def (test_\w+)\(", path.read_text()))
    return found


def test_every_test_that_the_page_of_fault_tests_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert len(named) > 80
    assert not named - existing_tests()


def test_every_case_has_a_row_with_a_test_or_a_reason() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = {row[0].removeprefix("| "): row[-1].removesuffix(" |") for row in rows}
    cases = {str(number) for number in range(1, 36)} | {f"S{number}" for number in range(1, 10)}
    assert not (cases | {"W", "Q"}) - cells.keys()
    assert all(len(cell) > 20 for case, cell in cells.items() if case in cases)


def test_every_fault_test_of_the_whole_stack_is_on_the_page() -> None:
    text = PAGE.read_text()
    ours = set[str]()
    for path in sources("tests/servers/faults"):
        ours.update(re.findall(r"def (test_\w+)\(", path.read_text()))
    assert ours
    assert not {name for name in ours if f"`{name}`" not in text}
