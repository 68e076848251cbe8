"""GitLab's Code Quality report.

A fingerprint tells GitLab which finding is which when lines have moved: it is made of the rule, the file, the function
and the text of the line, and counts findings that have all of that in common.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from sqla_lint.finding import Finding
from sqla_lint.report import Report
from sqla_lint.reporters import View

_SEVERITIES = {"error": "major", "warning": "minor"}


def render(report: Report, view: View) -> str:
    """The findings and internal errors as one list, in ASCII; paths are relative to the repository's root."""
    seen: Counter[tuple[str, ...]] = Counter()
    issues = [_internal(view.in_repository(error.path), error.message, seen) for error in report.errors]
    issues += [_issue(finding, report, view, seen) for finding in report.findings]
    return json.dumps(issues, indent=1) + "\n"


def _issue(finding: Finding, report: Report, view: View, seen: Counter[tuple[str, ...]]) -> dict[str, Any]:
    path = view.in_repository(finding.path)
    source = report.sources.get(finding.path)
    text = source.line(finding.span.line).strip() if source is not None else ""
    return {
        "description": f"{finding.code} {finding.message}",
        "check_name": finding.name,
        "fingerprint": _fingerprint((finding.code, path, finding.function or "", text), seen),
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": path, "lines": {"begin": finding.span.line, "end": finding.span.end_line}},
    }


def _internal(path: str, message: str, seen: Counter[tuple[str, ...]]) -> dict[str, Any]:
    return {
        "description": f"internal error: {message}",
        "check_name": "internal-error",
        "fingerprint": _fingerprint(("internal-error", path, message), seen),
        "severity": "blocker",
        "location": {"path": path, "lines": {"begin": 1, "end": 1}},
    }


def _fingerprint(parts: tuple[str, ...], seen: Counter[tuple[str, ...]]) -> str:
    seen[parts] += 1
    return hashlib.sha256("\0".join((*parts, str(seen[parts]))).encode("utf-8", "backslashreplace")).hexdigest()
