"""SARIF 2.1.0, which code scanners and editors read: findings, the places that explain them, fixes, rules' pages.

Paths are relative to the repository's root, and columns count characters.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final
from urllib.parse import quote

from sqla_lint import __version__
from sqla_lint.finding import Edit, Finding, Fix, Span
from sqla_lint.report import Report
from sqla_lint.reporters import View
from sqla_lint.rules import Rule, all_rules

# The format tells of each fix what it replaces.
EDITS = True

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(report: Report, view: View) -> str:
    """The report as a SARIF log with one run, in ASCII."""
    rules = all_rules()
    index = {rule.code: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {"name": "sqla-lint", "version": __version__, "rules": [_rule(rule) for rule in rules]},
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.errors and not report.problems,
                "toolExecutionNotifications": [
                    _notification(error.path, error.message, view) for error in report.errors
                ],
            }
        ],
        "results": [_result(finding, view, index) for finding in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.page},
        "defaultConfiguration": {"level": rule.severity, "enabled": rule.default},
    }


def _notification(path: str, message: str, view: View) -> dict[str, Any]:
    location = {"physicalLocation": {"artifactLocation": _artifact(path, view)}}
    return {"level": "error", "message": {"text": message}, "locations": [location]}


def _result(finding: Finding, view: View, index: dict[str, int]) -> dict[str, Any]:
    location = _location(finding.path, finding.span, view)
    if finding.function is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.function, "kind": "function"}]
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [location],
    }
    if finding.code in index:
        result["ruleIndex"] = index[finding.code]
    if finding.related:
        result["relatedLocations"] = [
            {"id": number, **_location(related.path, related.span, view), "message": {"text": related.message}}
            for number, related in enumerate(finding.related, 1)
        ]
    if finding.fix is not None and finding.fix.edits:
        result["fixes"] = [_fix(finding.fix, finding.fix.edits, view)]
    return result


def _location(path: str, span: Span, view: View) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(path, view), "region": _region(span)}}


def _artifact(path: str, view: View) -> dict[str, str]:
    return {"uri": quote(os.fsencode(view.in_repository(path)))}


def _region(span: Span) -> dict[str, int]:
    line, column, end_line, end_column = span
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _fix(fix: Fix, edits: tuple[Edit, ...], view: View) -> dict[str, Any]:
    by_path: dict[str, list[Edit]] = {}
    for edit in edits:
        by_path.setdefault(edit.path, []).append(edit)
    changes = [
        {"artifactLocation": _artifact(path, view), "replacements": [_replacement(edit) for edit in own]}
        for path, own in by_path.items()
    ]
    return {"description": {"text": f"{fix.summary} ({fix.applicability})"}, "artifactChanges": changes}


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.content}}
