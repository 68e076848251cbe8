"""One finding a line, each the object that the format ``json`` lists."""

from __future__ import annotations

import json

from sqla_lint.report import Report
from sqla_lint.reporters import View
from sqla_lint.reporters.json import finding_value


def render(report: Report, view: View) -> str:
    """The findings, one object a line, in ASCII."""
    return "".join(json.dumps(finding_value(finding, view)) + "\n" for finding in report.findings)
