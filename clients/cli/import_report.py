"""What an import did, or would do, as text or as JSON. Pure but for the writing."""

from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from flightmesh.api.loading.v1 import loading_service_pb2 as loading

_SHOWN_ISSUES: Final = 20


def nothing_changed(report: loading.ImportReport) -> bool:
    """Whether the schedule already had all of the file."""
    return not any(
        (
            report.added,
            report.changed,
            report.rotations_created,
            report.airplanes_registered,
            report.assignments_changed,
        )
    )


def report_row(report: loading.ImportReport, schedule: str, file_name: str) -> dict[str, Any]:
    """The report for programs."""
    row: dict[str, Any] = {"schedule": schedule, "file": file_name}
    for field in report.DESCRIPTOR.fields:
        if field.name not in ("issues", "issue_counts"):
            row[field.name] = getattr(report, field.name)
    row["nothing_changed"] = nothing_changed(report)
    row["issue_counts"] = dict(sorted(report.issue_counts.items()))
    row["issues"] = [
        MessageToDict(
            issue, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        | {"line": issue.line}
        for issue in report.issues
    ]
    return row


def report_text(
    report: loading.ImportReport, schedule: str, file_name: str, unit: str, *, strict: bool = False
) -> str:
    """The report for people."""
    verb = "would be " if report.dry_run else ""
    counts = (
        ("records read", report.records),
        (f"{unit} in the file", report.items),
        (f"{verb}added", report.added),
        (f"{verb}changed", report.changed),
        ("there already", report.unchanged),
        ("left out", report.rejected),
        (f"rotations {verb}created", report.rotations_created),
        (f"airplanes {verb}registered", report.airplanes_registered),
        (f"assignments {verb}changed", report.assignments_changed),
        ("code-share duplicates", report.code_share_duplicates),
        ("repeated designators", report.duplicate_designators),
    )
    width = max(len(name) for name, _ in counts)
    title = "Preview of" if report.dry_run else "Import of"
    lines = [f"{title} {file_name} into schedule {schedule}"]
    lines += [f"  {name.ljust(width)}  {count:>9,}" for name, count in counts]
    return "\n".join([*lines, *_issue_lines(report), _verdict(report, schedule, strict)])


def _issue_lines(report: loading.ImportReport) -> list[str]:
    total = sum(report.issue_counts.values())
    if not total:
        return []
    shown = sorted(report.issues, key=lambda issue: (issue.line, issue.column))[:_SHOWN_ISSUES]
    by_rule = sorted(report.issue_counts.items())
    lines = [f"Warnings: {', '.join(f'{rule} {count:,}' for rule, count in by_rule)}"]
    lines += [f"  {issue_text(issue)}" for issue in shown]
    if total > _SHOWN_ISSUES:
        more = total - len(shown)
        lines.append(f"  and {more:,} more; --json tells the first 1,000")
    return lines


def issue_text(issue: loading.ImportIssue) -> str:
    """One issue, for example `line 12, column 3: SSIM_DATE: no such date (left out)`."""
    place = f"line {issue.line}" if issue.line else "file"
    if issue.column:
        place += f", column {issue.column}"
    return f"{place}: {issue.rule}: {issue.message}{' (left out)' if issue.rejected else ''}"


def _verdict(report: loading.ImportReport, schedule: str, strict: bool) -> str:
    if report.refused and strict:
        return "Refused: something is wrong with the file and --strict was given. Nothing applied."
    if report.refused:
        return "Refused: this is no file of that kind, see the warnings. Nothing applied."
    if report.dry_run:
        same = " Nothing would change." if nothing_changed(report) else ""
        return f"Preview only: nothing was applied.{same}"
    if nothing_changed(report):
        but = f", but for what was left out ({report.rejected:,})" if report.rejected else ""
        return f"Nothing changed: schedule {schedule} has all of this file already{but}."
    return f"Done in {report.seconds:.1f} s."
