"""What a run prints: findings, diffs and repaired source on standard output, all else on standard error."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TextIO

import click

from sqla_lint import changes
from sqla_lint.arguments import Request
from sqla_lint.finding import Finding
from sqla_lint.report import FixReport, Report
from sqla_lint.reporters import View, one_line, renderer

_WIDEST: Final = 160


def show(outcome: FixReport, request: Request) -> int:
    """Print the outcome of a run as its request wants it; the exit status.

    Raises:
        click.ClickException: the output file cannot be written.
    """
    report = outcome.report
    streams_source = request.fix and request.stdin is not None
    stream = sys.stderr if streams_source else sys.stdout
    if request.diff:
        _write_bytes(_diff(outcome))
    else:
        if streams_source:
            _write_bytes(_repaired_stdin(outcome, request))
        _report(report, request, stream)
    _say_fixed(outcome, request)
    _say_details(outcome, request)
    _say_failures(report)
    if request.statistics:
        _say_statistics(report)
    if not request.quiet:
        _say_summary(outcome, request)
    return _exit_code(outcome, request)


def _exit_code(outcome: FixReport, request: Request) -> int:
    code = outcome.report.exit_code
    if request.diff and code < 2:
        code = int(bool(outcome.after))
    return 0 if request.exit_zero and code == 1 else code


def _report(report: Report, request: Request, stream: TextIO) -> None:
    render = renderer(request.format)
    folder = Path.cwd()
    if request.output_file is None:
        color = _has_color(request, stream)
        width = shutil.get_terminal_size((_WIDEST, 24)).columns if stream.isatty() else _WIDEST
        stream.write(render(report, View(folder, color, width)))
        stream.flush()
        return
    try:
        text = render(report, View(folder, bool(request.color), _WIDEST))
        request.output_file.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise click.UsageError(f"--output-file: {request.output_file}: {error.strerror or error}") from error


def _has_color(request: Request, stream: TextIO) -> bool:
    if request.color is not None:
        return request.color
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR")
    return forced != "0" if forced else stream.isatty()


def _write_bytes(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _diff(outcome: FixReport) -> bytes:
    view = View(Path.cwd())
    pairs = [(outcome.before[path], outcome.after[path]) for path in sorted(outcome.after)]
    return b"".join(changes.unified_diff(before, after, view.relative(before.path)) for before, after in pairs)


def _repaired_stdin(outcome: FixReport, request: Request) -> bytes:
    after = outcome.after.get(request.stdin.path) if request.stdin else None
    return after.data if after else request.stdin_data


# --- on standard error


def shown(path: str) -> str:
    """*path* as seen from the current folder, on one line."""
    return one_line(View(Path.cwd()).relative(path))


def _say(text: str) -> None:
    click.echo(one_line(text), err=True)


def _say_fixed(outcome: FixReport, request: Request) -> None:
    if request.quiet:
        return
    verb = "suppressed" if request.add_noqa else "would fix" if request.diff else "fixed"
    left = sorted((*outcome.left, *_refused(outcome, request)), key=lambda each: (each[0].path, each[0].span))
    if request.statistics:
        _say_counted(verb, ((finding.code, finding.name, "") for finding in outcome.fixed))
        _say_counted("left", ((finding.code, finding.name, f": {reason}") for finding, reason in left))
        return
    view = View(Path.cwd())
    for finding in outcome.fixed:
        summary = f": {finding.fix.summary}" if finding.fix and not request.add_noqa else ""
        _say(f"{verb} {view.relative(finding.path)}:{finding.span.line}: {finding.code} {finding.name}{summary}")
    for finding, reason in left:
        _say(f"left {view.relative(finding.path)}:{finding.span.line}: {finding.code} {finding.name}: {reason}")


def _refused(outcome: FixReport, request: Request) -> list[tuple[Finding, str]]:
    """What a fix was tried for, and refused."""
    if not (request.fix or request.diff):
        return []
    told = {(finding.path, finding.span, finding.code) for finding, _ in outcome.left}
    return [
        (finding, finding.fix_refused)
        for finding in outcome.report.findings
        if finding.fix_refused and (finding.path, finding.span, finding.code) not in told
    ]


def _say_counted(verb: str, lines: Iterable[tuple[str, str, str]]) -> None:
    """The most frequent line first."""
    counts = Counter(lines)
    width = len(str(max(counts.values(), default=0)))
    for (code, name, why), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        _say(f"{verb} {count:{width}}  {code}  {name}{why}")


def _say_details(outcome: FixReport, request: Request) -> None:
    if not request.verbose:
        return
    view = View(Path.cwd())
    _say(f"note: settings from {request.settings.file or 'the defaults'}")
    for note in outcome.report.notes:
        _say(f"note: {note}")
    for finding in outcome.report.findings:
        if finding.fix_refused and not (request.fix or request.diff):
            where = f"{view.relative(finding.path)}:{finding.span.line}"
            _say(f"note: {where}: {finding.code} has no fix: {finding.fix_refused}")


def _say_failures(report: Report) -> None:
    view = View(Path.cwd())
    for problem in report.problems:
        _say(f"error: {view.relative(problem.path)}: {problem.reason}")
    for error in report.errors:
        _say(f"error: {view.relative(error.path)}: internal error, this is a bug in sqla-lint: {error.message}")


def _say_statistics(report: Report) -> None:
    counts = Counter((finding.code, finding.name) for finding in report.findings)
    width = len(str(max(counts.values(), default=0)))
    for (code, name), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        _say(f"{count:{width}}  {code}  {name}")


def _say_summary(outcome: FixReport, request: Request) -> None:
    report = outcome.report
    parts = [f"{_counted(len(report.files), 'file')} checked", _counted(len(report.findings), "finding")]
    if request.fix or request.diff:
        parts.insert(1, f"{len(outcome.fixed)} {'would be fixed' if request.diff else 'fixed'}")
    elif request.add_noqa:
        parts.insert(1, f"{len(outcome.fixed)} suppressed")
    elif report.fixable:
        safe = sum(finding.fix is not None and finding.fix.applicability == "safe" for finding in report.findings)
        flags = [f"{safe} with --fix"] if safe else []
        flags += [f"{report.fixable - safe} with --fix --unsafe-fixes"] if report.fixable > safe else []
        parts.append(f"fixable: {', '.join(flags)}")
    if report.known:
        parts.append(
            f"{report.known} more in the baseline{f' {request.write_baseline}' if request.write_baseline else ''}"
        )
    if report.errors:
        parts.append(_counted(len(report.errors), "internal error"))
    _say("; ".join(parts))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
