"""The stable format for programs: one JSON object, in ASCII."""

from __future__ import annotations

import json
from typing import Any

from sqla_lint.finding import Edit, Finding, Fix, Related
from sqla_lint.report import Report
from sqla_lint.reporters import View


def render(report: Report, view: View) -> str:
    """The report as one object, indented."""
    value = {
        "version": 1,
        "findings": [finding_value(finding, view) for finding in report.findings],
        "summary": {
            "files": len(report.files),
            "findings": len(report.findings),
            "fixable": report.fixable,
            "errors": len(report.errors),
        },
    }
    return json.dumps(value, indent=1) + "\n"


def finding_value(finding: Finding, view: View) -> dict[str, Any]:
    """One finding as its JSON object."""
    line, column, end_line, end_column = finding.span
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "message": finding.message,
        "path": view.relative(finding.path),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "function": finding.function,
        "related": [_related_value(related, view) for related in finding.related],
        "fix": _fix_value(finding.fix, view) if finding.fix else None,
        "fix_refused": finding.fix_refused,
    }


def _related_value(related: Related, view: View) -> dict[str, Any]:
    line, column = related.span[:2]
    return {"path": view.relative(related.path), "line": line, "column": column, "message": related.message}


def _fix_value(fix: Fix, view: View) -> dict[str, Any]:
    return {
        "applicability": fix.applicability,
        "pattern": fix.pattern,
        "summary": fix.summary,
        "edits": None if fix.edits is None else [_edit_value(edit, view) for edit in fix.edits],
    }


def _edit_value(edit: Edit, view: View) -> dict[str, Any]:
    return {"path": view.relative(edit.path), **edit.span._asdict(), "content": edit.content}
