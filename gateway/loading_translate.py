"""A load's result as the report of the loading service."""

from typing import Final

from flightmesh.api.loading.v1 import loading_service_pb2 as pb
from gateway.loader import LoadResult, merged_issues

_MAX_ISSUES: Final = 1_000


def report_message(result: LoadResult, dry_run: bool, seconds: float) -> pb.ImportReport:
    """The report; of a refused load it tells what was found, and that nothing was applied."""
    plan, found = result.plan, result.difference
    counts, issues = merged_issues(result)
    applies = not result.refused
    return pb.ImportReport(
        dry_run=dry_run,
        refused=result.refused,
        records=plan.records,
        items=plan.items,
        # A refused DefineAirport counts as added, whatever it was.
        added=max(found.added - result.failed_items + result.failed_changes, 0) if applies else 0,
        changed=max(found.changed - result.failed_changes, 0) if applies else 0,
        unchanged=found.unchanged,
        rejected=found.rejected + result.failed_items,
        rotations_created=found.rotations_created if applies else 0,
        airplanes_registered=found.airplanes_registered if applies else 0,
        assignments_changed=found.assignments_changed if applies else 0,
        code_share_duplicates=plan.code_share_duplicates,
        duplicate_designators=plan.duplicate_designators,
        issue_counts=counts,
        issues=[
            pb.ImportIssue(
                line=issue.line,
                column=issue.column,
                rule=issue.rule,
                message=issue.message,
                rejected=issue.rejected,
            )
            for issue in issues[:_MAX_ISSUES]
        ],
        position=result.position.token(),
        seconds=seconds,
    )
