"""Annotations in a GitHub workflow.

GitHub shows only about ten annotations of a kind, so errors come before warnings. Paths are relative to the
repository's root, which is where GitHub looks for them.
"""

from __future__ import annotations

from sqla_lint.finding import Finding
from sqla_lint.report import Report
from sqla_lint.reporters import View


def render(report: Report, view: View) -> str:
    """One workflow command a line: internal errors, then errors, then warnings."""
    commands = [
        _command("error", {"file": view.in_repository(error.path), "title": "sqla-lint: internal error"}, error.message)
        for error in report.errors
    ]
    # Sorting is stable: within a severity the report's order stays.
    findings = sorted(report.findings, key=lambda finding: finding.severity != "error")
    commands.extend(_annotation(finding, view) for finding in findings)
    return "".join(commands)


def _annotation(finding: Finding, view: View) -> str:
    line, column, end_line, end_column = finding.span
    properties = {
        "file": view.in_repository(finding.path),
        "line": str(line),
        "endLine": str(end_line),
        "title": f"{finding.code} {finding.name}",
    }
    if line == end_line:  # columns of a range over several lines are refused
        properties |= {"col": str(column), "endColumn": str(end_column)}
    message = finding.message
    for related in finding.related:
        message += f"\n{view.in_repository(related.path)}:{related.span.line}: {related.message}"
    if finding.fix:
        message += f"\nfix ({finding.fix.applicability}): {finding.fix.summary}"
    return _command(finding.severity, properties, message)


def _command(kind: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{name}={_escaped(value, property_=True)}" for name, value in properties.items())
    return f"::{kind} {told}::{_escaped(message)}\n"


def _escaped(text: str, *, property_: bool = False) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace(":", "%3A").replace(",", "%2C") if property_ else escaped
