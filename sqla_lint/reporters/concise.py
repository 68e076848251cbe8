"""One line a finding: ``path:line:column: CODE message``."""

from __future__ import annotations

from sqla_lint.finding import Finding
from sqla_lint.report import Report
from sqla_lint.reporters import View, one_line


def render(report: Report, view: View) -> str:
    """The findings, one a line."""
    return "".join(_line(finding, view) for finding in report.findings)


def _line(finding: Finding, view: View) -> str:
    line, column = finding.span[:2]
    return f"{one_line(view.relative(finding.path))}:{line}:{column}: {finding.code} {one_line(finding.message)}\n"
