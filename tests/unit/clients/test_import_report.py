import pytest

from clients.cli.import_report import issue_text, nothing_changed, report_row, report_text
from clients.cli.progress import amount_text
from flightmesh.api.loading.v1 import loading_service_pb2 as loading


def text(report: loading.ImportReport) -> str:
    return report_text(report, "s05", "a.ssim", "legs")


@pytest.mark.parametrize(
    "field",
    [
        "added",
        "changed",
        "rotations_created",
        "airplanes_registered",
        "assignments_changed",
    ],
)
def test_every_kind_of_change_counts_as_one(field: str) -> None:
    assert nothing_changed(loading.ImportReport(items=5, unchanged=5, rejected=1))
    report = loading.ImportReport(**{field: 1})
    assert not nothing_changed(report)
    assert "Nothing changed" not in text(report)


def test_what_was_left_out_is_not_said_to_be_there() -> None:
    shown = text(loading.ImportReport(items=7, unchanged=5, rejected=2))
    assert shown.endswith("has all of this file already, but for what was left out (2).")


def test_a_preview_says_that_nothing_was_applied() -> None:
    shown = text(loading.ImportReport(dry_run=True, added=3_070))
    assert "Preview of a.ssim into schedule s05" in shown
    assert "would be added" in shown
    assert "3,070" in shown
    assert shown.endswith("Preview only: nothing was applied.")


def test_only_some_issues_are_shown_and_the_rest_counted() -> None:
    issues = [loading.ImportIssue(line=n, rule="R", message="m") for n in range(30, 0, -1)]
    report = loading.ImportReport(added=1, issues=issues, issue_counts={"R": 1_200, "A": 1})
    shown = text(report)
    assert "Warnings: A 1, R 1,200" in shown
    assert "line 20: R: m" in shown
    assert "line 21" not in shown
    assert "and 1,181 more" in shown


def test_an_issue_names_its_place() -> None:
    issue = loading.ImportIssue(line=1200, column=3, rule="R", message="m", rejected=True)
    assert issue_text(issue) == "line 1200, column 3: R: m (left out)"
    assert issue_text(loading.ImportIssue(rule="R", message="m")) == "file: R: m"


def test_the_json_report_has_numbers_and_every_field() -> None:
    report = loading.ImportReport(added=2, issue_counts={"R": 1}, seconds=0.5)
    report.issues.add(line=7, rule="R", message="m")
    row = report_row(report, "s05", "a.ssim")
    assert {field.name for field in report.DESCRIPTOR.fields} <= row.keys()
    assert (row["added"], row["dry_run"], row["nothing_changed"]) == (2, False, False)
    assert row["issue_counts"] == {"R": 1}
    assert row["issues"][0] == {
        "line": 7, "column": 0, "rule": "R", "message": "m", "rejected": False,
    }  # fmt: skip


def test_progress_tells_done_total_and_rate() -> None:
    assert amount_text(1_200, 3_070, 950.4, "legs") == "1,200/3,070 legs  950 legs/s"
    assert amount_text(5, None, None, "bytes") == "5 bytes"
