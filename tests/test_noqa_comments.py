from __future__ import annotations

import ast
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from conftest import Run
from test_suppressions import program

Command = Callable[..., Result]
HEAD = b"import sqlalchemy\n"
CONCISE = ("--format", "concise")


def annotated(data: bytes, command: Command, *arguments: str) -> bytes:
    """What the rest of a file becomes."""
    Path("a.py").write_bytes(HEAD + data)
    command("--add-noqa", *arguments)
    after = Path("a.py").read_bytes()
    assert after.startswith(HEAD)
    return after.removeprefix(HEAD)


@pytest.mark.parametrize(
    "before, after",
    [
        (b"bad_401()\n", b"bad_401()  # noqa: SES401\n"),
        (b"bad_401()", b"bad_401()  # noqa: SES401"),
        (b"bad_401()  \r\nx = 1  \r\n", b"bad_401()  # noqa: SES401\r\nx = 1  \r\n"),
        (b"bad_401()\rbad_301()\r", b"bad_401()  # noqa: SES401\rbad_301()  # noqa: SES301\r"),
        (b"bad_401(), bad_301(), bad_401()\n", b"bad_401(), bad_301(), bad_401()  # noqa: SES301, SES401\n"),
        (b"bad_401()  # why\n", b"bad_401()  # why  # noqa: SES401\n"),
        (b"bad_401()  #noqa: SES401\n", b"bad_401()  #noqa: SES401  # noqa: SES401\n"),
        (b"bad_401()  # noqa: E501\n", b"bad_401()  # noqa: E501, SES401\n"),
        (b"bad_401()  # noqa:E501,W291, \n", b"bad_401()  # noqa:E501,W291, SES401, \n"),
        (b"bad_401()  # noqa: E501 is wide\n", b"bad_401()  # noqa: E501, SES401 is wide\n"),
        (b"bad_401()  # NOQA:E501 # noqa: W2\n", b"bad_401()  # NOQA:E501, SES401 # noqa: W2\n"),
        (b"bad_401()  # noqa: ses401\n", b"bad_401()  # noqa: ses401, SES401\n"),
        (b"bad_401() # sqla-lint: ignore[SES3]\n", b"bad_401() # sqla-lint: ignore[SES3]  # noqa: SES401\n"),
        (b"x = bad_401() + \\\n    1\n", b"x = bad_401() + \\\n    1  # noqa: SES401\n"),
        (b"x = bad_401(), '''\n''', bad_301()\n", b"x = bad_401(), '''\n''', bad_301()  # noqa: SES301, SES401\n"),
        (b"x = (bad_401(), '''\n''',\n1)\n", b"x = (bad_401(), '''\n''',  # noqa: SES401\n1)\n"),
        (b"x = (bad_401(),\n 1)  # noqa: E501\n", b"x = (bad_401(),  # noqa: SES401\n 1)  # noqa: E501\n"),
        (b"x = '''\n''' + bad_401()  # noqa: E5\n", b"x = '''\n''' + bad_401()  # noqa: E5, SES401\n"),
        (b"if bad_401(): pass\nelse:\n\tbad_301()\n", b"if bad_401(): pass  # noqa: SES401\nelse:\n\tbad_301()  # noqa: SES301\n"),
        (b"x = '\xe2\x80\xa8'; bad_401()\n", b"x = '\xe2\x80\xa8'; bad_401()  # noqa: SES401\n"),
        (b"bad_401()  # noqa\nx = 1  # noqa: E501\n", b"bad_401()  # noqa\nx = 1  # noqa: E501\n"),
    ],
)  # fmt: skip
def test_what_is_written(project: Path, command: Command, before: bytes, after: bytes) -> None:
    assert annotated(before, command) == after
    assert command().exit_code == 0
    assert annotated(after, command) == after


def test_it_says_what_it_did(project: Path, command: Command) -> None:
    Path("a.py").write_bytes(HEAD + b"bad_401()\nx = '# noqa: E501'; bad_301()\n")
    result = command("--add-noqa", *CONCISE)
    assert result.exit_code == 1
    assert result.stdout == "a.py:3:21: SES301 `bad_301` is bad\n"
    assert result.stderr.splitlines() == [
        "suppressed a.py:2: SES401 lazy-load-in-loop",
        "left a.py:3: SES301 close-before-return: the string at line 3 says `# noqa`, which is read instead of a comment",
        "1 file checked; 1 suppressed; 1 finding",
    ]
    Path("a.py").write_bytes(HEAD + b"bad_401()\n")
    assert command("--add-noqa", "--quiet").exit_code == 0


class TestEncodings:
    def test_they_are_kept(self, project: Path, command: Command) -> None:
        for data in (
            b"\xef\xbb\xbf# sqlalchemy\nx = '\xc3\xa9'; bad_401()\n",
            b"# coding: latin-1 sqlalchemy\r\nx = '\xe9'; bad_401()",
            b"# sqlalchemy\n# -*- coding: cp1252 -*-\nbad_401()  # \x80\n",
            b"# coding: shift_jis sqlalchemy\nx = '\x83\x5c'; bad_401()\n",
        ):
            Path("a.py").write_bytes(data)
            assert command("--add-noqa").exit_code == 0
            after = Path("a.py").read_bytes()
            assert after.replace(b"  # noqa: SES401", b"") == data
            assert len(after) > len(data)

    def test_what_cannot_be_written_back_is_left(self, project: Path, command: Command) -> None:
        # The escape sequences are redundant, and would be written otherwise.
        data = b"# coding: iso2022_jp sqlalchemy\nx = '\x1b(B\x1b(Ba'; bad_401()\n"
        Path("a.py").write_bytes(data)
        result = command("--add-noqa")
        assert result.exit_code == 1
        assert "cannot be written again in its encoding, iso2022_jp" in result.stderr
        assert Path("a.py").read_bytes() == data


class TestWhatIsLeft:
    def test_files_that_do_not_parse(self, project: Path, command: Command) -> None:
        Path("a.py").write_bytes(HEAD + b"def f(:\n")
        Path("b.py").write_bytes(b"'\xff'\n")
        result = command("--add-noqa", *CONCISE)
        assert result.exit_code == 1
        assert "left a.py:2: SES000 syntax-error: the file does not parse" in result.stderr
        assert "left b.py:1: SES000 syntax-error: this is no Python file that can be read" in result.stderr
        assert Path("a.py").read_bytes() == HEAD + b"def f(:\n"

    def test_what_is_known_stays_known(self, project: Path, command: Command) -> None:
        assert annotated(b"bad_401()\nbad_301()\n", command, "--select", "SES2") == b"bad_401()\nbad_301()\n"
        command("--write-baseline", "known.json", "--select", "SES4")
        after = annotated(b"bad_401()\nbad_301()\n", command, "--baseline", "known.json")
        assert after == b"bad_401()\nbad_301()  # noqa: SES301\n"
        # A comment changes the text that the baseline knows a line by: what it held there is suppressed with the rest.
        after = annotated(b"bad_401()\nbad_401(); bad_301()\n", command, "--write-baseline", "known.json", "--isolated")
        command("--write-baseline", "known.json", "--select", "SES4")
        after = annotated(b"bad_401()\nbad_401(); bad_301()\n", command, "--baseline", "known.json")
        assert after == b"bad_401()\nbad_401(); bad_301()  # noqa: SES301, SES401\n"
        assert command("--baseline", "known.json").exit_code == 0

    def test_a_file_that_cannot_be_written(
        self, project: Path, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("b.py").write_bytes(HEAD + b"bad_401()\n")
        monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("b.py"))
        assert annotated(b"bad_401()\n", command) == b"bad_401()  # noqa: SES401\n"
        Path("a.py").write_bytes(HEAD + b"bad_401()\n")
        result = command("--add-noqa", *CONCISE)
        assert result.exit_code == 2
        assert result.stdout == "b.py:2:1: SES401 `bad_401` is bad\n"
        assert "error: b.py: cannot be written: it is read-only" in result.stderr
        assert Path("b.py").read_bytes() == HEAD + b"bad_401()\n"

    def test_only_files_that_were_named(self, project: Path, command: Command) -> None:
        Path("b.py").write_bytes(HEAD + b"bad_401()\n")
        Path("a.py").write_bytes(HEAD + b"bad_401()\n")
        command("--add-noqa", "a.py")
        assert Path("b.py").read_bytes() == HEAD + b"bad_401()\n"

    def test_usage(self, project: Path, command: Command) -> None:
        for arguments in (("--fix",), ("--diff",), ("--write-baseline", "x"), ("-",)):
            result = command("--add-noqa", *arguments, input="")
            assert (result.exit_code, result.stdout) == (2, "")
            assert "--add-noqa" in result.stderr


def test_the_mode_is_kept(project: Path, command: Command) -> None:
    Path("a.py").write_bytes(HEAD + b"bad_401()\n")
    Path("a.py").chmod(0o755)
    command("--add-noqa")
    assert stat.S_IMODE(Path("a.py").stat().st_mode) == 0o755


def test_programs_stay_what_they_are_and_flake8_is_content(project: Path, process: Run) -> None:
    """Over programs made of all that flake8's line mapping distinguishes, at random but always the same."""
    chance = random.Random(7)
    before: dict[Path, bytes] = {}
    for number in range(300):
        text = "# sqlalchemy\n" + program(chance)
        try:
            ast.parse(text)
        except SyntaxError:
            continue
        path = project / f"f{number}.py"
        before[path] = text.replace("\n", chance.choice(["\n", "\n", "\r\n"])).encode()
        path.write_bytes(before[path])
    assert len(before) > 150
    result = process("sqla-lint", "--add-noqa", "--format", "concise", "--select", "SES3,SES4")
    left = result.stdout.decode().splitlines()
    reasons = [line.split(": ")[-1] for line in result.stderr.decode().splitlines() if line.startswith("left ")]
    assert {reason.partition("says")[2] or reason for reason in reasons} == {
        " `# noqa`, which is read instead of a comment",
        # A file that ends in a comment after a backslash: flake8 does not join the lines before it.
        "there is no room for a comment where it would be read",
    }
    assert len(left) == len(reasons)
    assert sum(path.read_bytes() != data for path, data in before.items()) > 100
    for path, data in before.items():
        assert ast.dump(ast.parse(path.read_bytes()), include_attributes=True) == ast.dump(
            ast.parse(data), include_attributes=True
        )
    theirs = process("flake8", "--isolated", "-j1", "--select", "SES3,SES4").stdout.decode().splitlines()
    assert sorted(line.removeprefix("./") for line in theirs) == sorted(left)
