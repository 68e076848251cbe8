from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sqla_lint.analysis import InternalError
from sqla_lint.finding import Edit, Finding, Fix, Related, Span
from sqla_lint.report import Report
from sqla_lint.reporters import View, formats, renderer
from sqla_lint.source import Source, decode

ROOT = Path("/repository")
VIEW = View(ROOT / "app")


def source(path: str, text: str) -> Source:
    decoded = decode(path, text.encode())
    assert isinstance(decoded, Source)
    return decoded


REPORT_PY = source(
    "/repository/app/report.py", "def render(owners):\n    for owner in owners:\n        print(owner.pets)\n\n"
)
MODELS_PY = source("/repository/models.py", "class Owner(Base):\n    pets = relationship('Pet')\n")
LAZY = Finding(
    path=REPORT_PY.path,
    span=Span(3, 15, 3, 25),
    code="SES401",
    name="lazy-load-in-loop",
    severity="warning",
    message="`owner.pets` is loaded for each owner",
    function="render",
    related=(Related(MODELS_PY.path, Span(2, 5, 2, 31), "loads lazily"),),
    fix=Fix("safe", "eager-load", "add selectinload(Owner.pets)"),
)
ROLLBACK = Finding(
    REPORT_PY.path, Span(1, 1, 3, 10), "SES201", "missing-rollback", "error", "no: 100%,\nreally", fix_refused="why not"
)
REPORT = Report(
    findings=(ROLLBACK, LAZY),
    files=(REPORT_PY.path, MODELS_PY.path),
    sources={REPORT_PY.path: REPORT_PY, MODELS_PY.path: MODELS_PY},
)


def test_every_format_renders_nothing_and_something() -> None:
    assert {"concise", "github", "json", "text"} <= set(formats())
    for name in formats():
        assert isinstance(renderer(name)(Report(), VIEW), str)
        text = renderer(name)(REPORT, VIEW)
        assert "SES401" in text
        assert text.endswith("\n")
        assert renderer(name)(REPORT, VIEW) == text


def test_concise() -> None:
    assert renderer("concise")(REPORT, VIEW).splitlines() == [
        "report.py:1:1: SES201 no: 100%, really",
        "report.py:3:15: SES401 `owner.pets` is loaded for each owner",
    ]


def test_json() -> None:
    value = json.loads(renderer("json")(replace(REPORT, errors=(InternalError("/x", "oops"),)), VIEW))
    assert value["version"] == 1
    assert value["summary"] == {"files": 2, "findings": 2, "fixable": 1, "errors": 1}
    assert value["findings"][1] == {
        "code": "SES401",
        "name": "lazy-load-in-loop",
        "severity": "warning",
        "message": "`owner.pets` is loaded for each owner",
        "path": "report.py",
        "line": 3,
        "column": 15,
        "end_line": 3,
        "end_column": 25,
        "function": "render",
        "related": [{"path": "../models.py", "line": 2, "column": 5, "message": "loads lazily"}],
        "fix": {
            "applicability": "safe",
            "pattern": "eager-load",
            "summary": "add selectinload(Owner.pets)",
            "edits": None,
        },
        "fix_refused": None,
    }
    assert (value["findings"][0]["fix"], value["findings"][0]["fix_refused"]) == (None, "why not")
    assert value["findings"][0]["function"] is None


def test_json_edits() -> None:
    edit = Edit(REPORT_PY.path, Span(1, 2, 3, 4), "new\n")
    assert LAZY.fix is not None
    value = json.loads(renderer("json")(Report((LAZY._replace(fix=LAZY.fix._replace(edits=(edit,))),)), VIEW))
    assert value["findings"][0]["fix"]["edits"] == [
        {"path": "report.py", "line": 1, "column": 2, "end_line": 3, "end_column": 4, "content": "new\n"}
    ]


def test_github(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    moved = ROLLBACK._replace(path=str(tmp_path / "a,b:c/50%.py"))
    report = Report((LAZY, moved), errors=(InternalError(str(tmp_path / "x.py"), "oops\r\n"),))
    assert renderer("github")(report, VIEW).splitlines() == [
        "::error file=x.py,title=sqla-lint%3A internal error::oops%0D%0A",
        "::error file=a%2Cb%3Ac/50%25.py,line=1,endLine=3,title=SES201 missing-rollback::no: 100%25,%0Areally",
        "::warning file=report.py,line=3,endLine=3,title=SES401 lazy-load-in-loop,col=15,endColumn=25::"
        "`owner.pets` is loaded for each owner%0A../models.py:2: loads lazily%0Afix (safe): add selectinload(Owner.pets)",
    ]


def test_text() -> None:
    assert renderer("text")(REPORT, VIEW) == (
        "SES201 missing-rollback: no: 100%, really\n"
        " --> report.py:1:1\n"
        "  |\n"
        "1 | def render(owners):\n"
        "  | ^^^^^^^^^^^^^^^^^^^\n"
        "2 |     for owner in owners:\n"
        "  |\n"
        "  = help: `sqla-lint --explain SES201` tells why\n"
        "\n"
        "SES401 lazy-load-in-loop: `owner.pets` is loaded for each owner\n"
        " --> report.py:3:15 in render\n"
        "  |\n"
        "2 |     for owner in owners:\n"
        "3 |         print(owner.pets)\n"
        "  |               ^^^^^^^^^^\n"
        " ::: ../models.py:2:5\n"
        "  |\n"
        "2 |     pets = relationship('Pet')\n"
        "  |     -------------------------- loads lazily\n"
        "  |\n"
        "  = help: add selectinload(Owner.pets) (`sqla-lint --fix`)\n"
        "  = note: `sqla-lint --explain SES401` tells why\n"
    )


def frame(line: str, column: int, end_column: int, width: int = 60) -> tuple[str, str]:
    """The line as it is shown, and the marker below it."""
    shown = source("/repository/app/x.py", line)
    finding = Finding(shown.path, Span(1, column, 1, end_column), "SES201", "n", "error", "m")
    lines = renderer("text")(Report((finding,), sources={shown.path: shown}), VIEW._replace(width=width)).splitlines()
    return lines[3][4:], lines[4][4:]


@pytest.mark.parametrize(
    "line, column, end_column, text, marker",
    [
        ("\tx = 1\n", 2, 3, "    x = 1", "    ^"),
        ("日本 = x\n", 6, 7, "日本 = x", "       ^"),
        ("e\u0301 = x\n", 6, 7, "e\u0301 = x", "    ^"),
        ("x = 1\n", 99, 99, "x = 1", "     ^"),
        ("x = 1\n", 3, 3, "x = 1", "  ^"),
        ("'\x1b[31m' + x\n", 11, 12, "'␛[31m' + x", "          ^"),
        ("'\u202e' + x\r\n", 7, 8, "'\ufffd' + x", "      ^"),
    ],
)
def test_the_marker_stands_under_what_is_meant(line: str, column: int, end_column: int, text: str, marker: str) -> None:
    assert frame(line, column, end_column) == (text, marker)


@pytest.mark.parametrize("column", [1, 30, 59, 60, 61, 500, 990])
def test_long_lines_are_cut_around_the_marker(column: int) -> None:
    line = "".join(chr(ord("a") + number % 26) for number in range(1000))
    text, marker = frame(line, column, column + 5)
    assert len(text) <= 56
    assert len(marker) <= 56
    start, stop = marker.index("^"), len(marker)
    assert text[start:stop] == line[column - 1 : column + 4]


def test_colours_change_nothing_but_colours() -> None:
    import click

    colored = renderer("text")(REPORT, VIEW._replace(color=True))
    assert "\x1b[31m" in colored
    assert click.unstyle(colored) == renderer("text")(REPORT, VIEW)


def test_a_finding_without_its_source_is_still_shown() -> None:
    assert "report.py:3:15 in render\n" in renderer("text")(replace(REPORT, sources={}), VIEW)
