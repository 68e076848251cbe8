"""JUnit XML: one test case a finding, and one for each file without any, so that a clean run has something to show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from sqla_lint.report import Report
from sqla_lint.reporters import View, visible

# What no XML may contain, in whatever form.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def render(report: Report, view: View) -> str:
    """One test suite; findings are failures, internal errors are errors."""
    cases = [*_errors(report, view), *_failures(report, view), *_passed(report, view)]
    counts = f'tests="{len(cases)}" failures="{len(report.findings)}" errors="{len(report.errors)}"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            f'<testsuites name="sqla-lint" {counts}>',
            f'  <testsuite name="sqla-lint" {counts}>',
            *cases,
            "  </testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _failures(report: Report, view: View) -> Iterator[str]:
    for finding in report.findings:
        path = view.relative(finding.path)
        line, column = finding.span[:2]
        where = f"{path}:{line}:{column}"
        told = [f"{where}: {finding.message}"]
        told += [f"{view.relative(r.path)}:{r.span.line}: {r.message}" for r in finding.related]
        yield _case(
            f"{finding.code} {finding.name} at {line}:{column}",
            path,
            f"      <failure type={_quoted(finding.severity)} message={_quoted(finding.message)}>"
            f"{_text(chr(10).join(told))}</failure>",
            line,
        )


def _errors(report: Report, view: View) -> Iterator[str]:
    for error in report.errors:
        inner = f'      <error type="internal-error" message={_quoted(error.message)}/>'
        yield _case("internal error", view.relative(error.path), inner)


def _passed(report: Report, view: View) -> Iterator[str]:
    found = {finding.path for finding in report.findings} | {error.path for error in report.errors}
    for path in report.files:
        if path not in found:
            yield f'    <testcase name="no findings" classname={_quoted(view.relative(path))}/>'


def _case(name: str, path: str, inner: str, line: int | None = None) -> str:
    place = f' line="{line}"' if line is not None else ""
    head = f"    <testcase name={_quoted(name)} classname={_quoted(path)} file={_quoted(path)}{place}>"
    return f"{head}\n{inner}\n    </testcase>"


def _quoted(text: str) -> str:
    return quoteattr(_allowed(text))


def _text(text: str) -> str:
    return escape(_allowed(text))


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    return visible(found.group()) if found.group() < " " else "\N{REPLACEMENT CHARACTER}"
