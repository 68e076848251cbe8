"""Reviewdog's Diagnostic Format: one JSON object; columns count bytes of UTF-8, as reviewdog reads them."""

from __future__ import annotations

import json
from typing import Any

from sqla_lint.finding import Finding, Span
from sqla_lint.report import Report
from sqla_lint.reporters import View

# What a fix replaces becomes a suggestion.
EDITS = True


def render(report: Report, view: View) -> str:
    """The report as one object, in ASCII."""
    value = {
        "source": {"name": "sqla-lint"},
        "diagnostics": [_diagnostic(finding, report, view) for finding in report.findings],
    }
    return json.dumps(value, indent=1) + "\n"


def _diagnostic(finding: Finding, report: Report, view: View) -> dict[str, Any]:
    value: dict[str, Any] = {
        "message": finding.message,
        "location": _location(finding.path, finding.span, report, view),
        "severity": finding.severity.upper(),
        "code": {"value": finding.code},
    }
    if finding.related:
        value["relatedLocations"] = [
            {"message": related.message, "location": _location(related.path, related.span, report, view)}
            for related in finding.related
        ]
    edits = finding.fix.edits if finding.fix is not None else None
    # A suggestion has no path of its own: it holds for the file of the finding.
    if edits and all(edit.path == finding.path for edit in edits):
        value["suggestions"] = [{"range": _range(e.path, e.span, report), "text": e.content} for e in edits]
    return value


def _location(path: str, span: Span, report: Report, view: View) -> dict[str, Any]:
    return {"path": view.relative(path), "range": _range(path, span, report)}


def _range(path: str, span: Span, report: Report) -> dict[str, Any]:
    start = {"line": span.line, "column": _in_bytes(path, span.line, span.column, report)}
    end = {"line": span.end_line, "column": _in_bytes(path, span.end_line, span.end_column, report)}
    return {"start": start, "end": end}


def _in_bytes(path: str, line: int, column: int, report: Report) -> int:
    source = report.sources.get(path)
    if source is None or line > len(source.lines):
        return column
    return len(source.lines[line - 1][: column - 1].encode("utf-8", "replace")) + 1
