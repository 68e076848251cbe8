"""Whatever a file's encoding, line ends and indentation: they survive, and every untouched line with them."""

from __future__ import annotations

import codecs
import subprocess
import sys
from pathlib import Path

import pytest

from codemods.fixing import HEAD
from sqla_lint import Settings, check, fix

BODY = '''\
def first():
    # née
    session = Factory()  # ours
    if session.query(Item).count():
        session.close()
        return "é"

    session.close()
    return """x
 y"""


class Shop:
    def last(self):
        session = Factory()
        self.n = session.query(Item).count()
'''
FIXED = '''\
def first():
    # née
    with Factory() as session:  # ours
        if session.query(Item).count():
            return "é"

    return """x
 y"""


class Shop:
    def last(self):
        with Factory() as session:
            self.n = session.query(Item).count()
'''
FORMS = {
    "plain": lambda text: text.encode(),
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "carriage returns": lambda text: text.replace("\n", "\r").encode(),
    "byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "latin-1": lambda text: ("# -*- coding: latin-1 -*-\n" + text).encode("latin-1"),
    "tabs": lambda text: text.replace("    ", "\t").encode(),
    "two spaces": lambda text: text.replace("    ", "  ").encode(),
    "no final newline": lambda text: text.removesuffix("\n").encode(),
    "form feeds": lambda text: text.replace("\nclass", "\n\f\nclass").encode(),
    "form feed before a function": lambda text: text.replace("\ndef first", "\n\fdef first").encode(),
}


def _written(folder: Path, data: bytes) -> Path:
    (folder / "pyproject.toml").touch()
    path = folder / "shop.py"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_bytes_survive(form: str, tmp_path: Path) -> None:
    path = _written(tmp_path, FORMS[form](HEAD + BODY))
    outcome = fix([path], Settings())
    assert not outcome.report.findings
    assert path.read_bytes() == FORMS[form](HEAD + FIXED)


def test_a_removed_last_line_takes_no_newline_with_it(tmp_path: Path) -> None:
    body = "def count(log):\n    session = Factory()\n    log(session.query(Item).count())\n    session.close()"
    path = _written(tmp_path, (HEAD + body).encode())
    fix([path], Settings())
    assert path.read_text().endswith("with Factory() as session:\n        log(session.query(Item).count())")


@pytest.mark.parametrize("form", ["plain", "crlf", "latin-1", "no final newline"])
def test_the_diff_applies(form: str, tmp_path: Path) -> None:
    path = _written(tmp_path, FORMS[form](HEAD + BODY))
    options = ["--isolated", "--select", "SES302,SES301", "--diff", "shop.py"]
    command = [sys.executable, "-m", "sqla_lint", *options]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert shown.returncode == 1, shown.stderr
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "-c", "core.autocrlf=false", "apply", "-"], cwd=tmp_path, input=shown.stdout, check=True)
    assert path.read_bytes() == FORMS[form](HEAD + FIXED)


def test_edits_are_those_of_the_fix(tmp_path: Path) -> None:
    from sqla_lint.codemods.apply import applied
    from sqla_lint.source import Source, read

    path = _written(tmp_path, (HEAD + BODY).encode())
    source = read(str(path))
    assert isinstance(source, Source)
    findings = check([path], Settings(edits=True)).findings
    edits = [edit for finding in findings if finding.fix for edit in finding.fix.edits or ()]
    assert applied(source.text, source.lines, edits) == HEAD + FIXED
    assert all(finding.fix.edits is None for finding in check([path], Settings()).findings if finding.fix)


def test_of_two_fixes_for_the_same_lines_the_first_wins(tmp_path: Path) -> None:
    body = """\
def count():
    one = Factory()
    two = Factory()
    number = one.query(Item).count() + two.query(Item).count()
    two.close()
    one.close()
    return number
"""
    path = _written(tmp_path, (HEAD + body).encode())
    outcome = fix([path], Settings())
    assert len(outcome.fixed) == 1
    assert "same lines" in outcome.left[0][1]
    assert not fix([path], Settings()).report.findings
    assert "    with Factory() as one:\n        with Factory() as two:\n            number" in path.read_text()


def test_an_unsafe_fix_is_left_unless_asked_for(tmp_path: Path) -> None:
    body = "def find(number):\n    session = Factory()\n    return session.get(Item, number)\n"
    path = _written(tmp_path, (HEAD + body).encode())
    outcome = fix([path], Settings())
    assert "--unsafe-fixes" in outcome.left[0][1]
    assert path.read_text() == HEAD + body


def test_a_suppressed_finding_is_not_fixed(tmp_path: Path) -> None:
    body = "def count():\n    session = Factory()  # noqa: SES302\n    return session.query(Item).count()\n"
    path = _written(tmp_path, (HEAD + body).encode())
    assert not fix([path], Settings()).fixed
    assert path.read_text() == HEAD + body
