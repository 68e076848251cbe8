"""A stand-in for the analysis and the codemods, so that everything around them can be tested without a real rule.

``bad_401()`` is a SES401 finding, and so on for every three digits; its fix writes ``good_401()``, which is unsafe for SES1xx.
``broken_fix()`` is a SES301 whose fix is no Python, ``far_fix()`` one whose fix writes every file of the project,
``stubborn()`` one without a fix, and ``crash()`` raises.

As a script it is the command (``stand_in.py sqla-lint ...``) or flake8 (``stand_in.py flake8 ...``) with the stand-in in
place, also in processes that flake8 starts anew.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from sqla_lint import analysis, codemods
from sqla_lint.analysis import Analysis
from sqla_lint.codemods import Repair
from sqla_lint.config import Settings
from sqla_lint.finding import Finding, Fix, Related, Span
from sqla_lint.selection import find_rule
from sqla_lint.source import Source, Unreadable, parse

_CALL = re.compile(r"\b(?:bad_(\d{3})|broken_fix|far_fix|stubborn|crash|wait)\(\)")


def analyse(
    root: Path,
    files: Mapping[str, Source],
    targets: Collection[str],
    settings: Settings,
    *,
    codes: Collection[str] | None = None,
    edits: bool = False,
    templates: Mapping[str, Source] | None = None,
) -> Analysis:
    findings: list[Finding] = []
    unreadable: list[Unreadable] = []
    for path in sorted(targets):
        parsed = parse(files[path])
        if isinstance(parsed, Unreadable):
            unreadable.append(parsed)
        else:
            findings.extend(_findings(files[path]))
    return Analysis(tuple(findings), tuple(unreadable), notes=(f"{len(files)} files read",))


def _findings(source: Source) -> Iterator[Finding]:
    for number in range(1, len(source.lines) + 1):
        for found in _CALL.finditer(source.line(number)):
            word = found.group()[:-2]
            if word == "crash":
                raise RuntimeError("the stand-in was told to crash")
            if word == "wait":
                os.write(2, b"waiting\n")
                time.sleep(float(os.environ.get("STAND_IN_WAIT", "30")))
            rule = find_rule("SES" + (found.group(1) or "301"))
            span = Span(number, found.start() + 1, number, found.end() + 1)
            fix = Fix("unsafe" if rule.code.startswith("SES1") else "safe", "rollback", f"write {word} well")
            yield Finding(
                source.path,
                span,
                rule.code,
                rule.name,
                rule.severity,
                f"`{word}` is bad",
                function="outer.inner" if source.line(number).startswith(" ") else None,
                related=(Related(source.path, Span(1, 1, 1, 2), "the file begins here"),) if number > 3 else (),
                fix=None if word == "stubborn" else fix,
                fix_refused="it is stubborn" if word == "stubborn" else None,
            )


def repair(findings: Sequence[Finding], files: Mapping[str, Source], settings: Settings, *, unsafe: bool) -> Repair:
    changed: dict[str, bytes] = {}
    fixed: list[Finding] = []
    left: list[tuple[Finding, str]] = []
    for finding in findings:
        if finding.fix is None or (finding.fix.applicability == "unsafe" and not unsafe):
            left.append((finding, finding.fix_refused or "its fix is unsafe"))
            continue
        word = finding.message.split("`")[1]
        fixed.append(finding)
        for path in files if word == "far_fix" else [finding.path]:
            before = changed.get(path, files[path].data)
            good = b"broken(" if word == "broken_fix" else word.replace("bad", "good").replace("far", "near").encode()
            changed[path] = before.replace(word.encode(), good) + (b"# near\n" if word == "far_fix" else b"")
    return Repair(changed, tuple(fixed), tuple(left))


def install() -> None:
    """Put the stand-in where the real ones are."""
    analysis.analyse = analyse
    codemods.repair = repair


install_at_import = __name__ in ("__main__", "__mp_main__")
if install_at_import:
    install()

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    program, arguments = sys.argv[1], sys.argv[2:]
    if program == "flake8":
        import multiprocessing

        from flake8.main.cli import main as flake8

        if os.environ.get("STAND_IN_START"):
            multiprocessing.set_start_method(os.environ["STAND_IN_START"])
        sys.exit(flake8(arguments))
    from sqla_lint.cli import main

    main(arguments)
