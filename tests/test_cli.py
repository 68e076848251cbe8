from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import stand_in
from click.testing import Result
from conftest import Run

import sqla_lint
from sqla_lint.rules import all_rules

Command = Callable[..., Result]
HEAD = "import sqlalchemy\n"


def put(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((HEAD + text).encode())


def lines(result: Result) -> list[str]:
    return result.stdout.splitlines()


CONCISE = ("--format", "concise")


class TestExitStatus:
    def test_clean_findings_and_errors(self, project: Path, command: Command) -> None:
        put("good.py", "x = 1\n")
        put("bad.py", "bad_401()\n")
        assert command("good.py").exit_code == 0
        assert command("bad.py").exit_code == 1
        assert command("bad.py", "--exit-zero").exit_code == 0
        assert command("bad.py", "--ignore", "SES4").exit_code == 0
        assert command("bad.py", "gone.py").exit_code == 2
        assert command("bad.py", "gone.py", "--exit-zero").exit_code == 2

    def test_an_internal_error_names_the_place_and_the_rest_is_checked(self, project: Path, command: Command) -> None:
        put("a.py", "crash()\n")
        put("sub/b.py", "bad_401()\n")
        Path("sub/pyproject.toml").touch()
        result = command(*CONCISE)
        assert result.exit_code == 2
        assert lines(result) == ["sub/b.py:2:1: SES401 `bad_401` is bad"]
        assert "error: .: internal error, this is a bug in sqla-lint: RuntimeError" in result.stderr

    @pytest.mark.parametrize(
        "arguments, words",
        [
            (["--select", "SES4O1"], "--select: unknown rule 'SES4O1'; did you mean 'SES401'?"),
            (["--ignore", "SES401,lazy-load"], "--ignore: unknown rule 'lazy-load'; did you mean 'lazy-load-in-loop'?"),
            (["--extend-select", "x"], "--extend-select: unknown rule 'x'"),
            (["--explain", "SES4"], "--explain: unknown rule 'SES4'"),
            (["--config", "gone.toml"], "gone.toml: cannot be read"),
            (["--config", "x", "--isolated"], "exclude each other"),
            (["--project", "gone"], "--project: 'gone' is no folder"),
            (["--stdin-filename", "x.py"], "give `-` as a path too"),
            (["--format", "jsno"], "'jsno' is not one of"),
            (["--pattern", "mixin"], "'mixin' is not one of"),
            (["--selct", "SES4"], "--selct"),
            (["--output-file", "no/such/folder/x"], "--output-file: no/such/folder/x: No such file"),
        ],
    )
    def test_bad_usage(self, project: Path, command: Command, arguments: list[str], words: str) -> None:
        result = command(*arguments)
        assert result.exit_code == 2
        assert words in result.stderr
        assert result.stdout == ""

    def test_a_wrong_configuration(self, project: Path, command: Command) -> None:
        (project / "pyproject.toml").write_text("[tool.sqla-lint]\nselct = []\n")
        result = command()
        assert result.exit_code == 2
        assert f"{project / 'pyproject.toml'}: unknown key 'selct'; did you mean 'select'?" in result.stderr
        assert command("--isolated").exit_code == 0


class TestSelection:
    def test_flags_take_codes_prefixes_names_lists_and_repetition(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\nbad_301()\nbad_201()\nbad_001()\n")
        chosen = [
            (["--select", "SES401, SES3"], ["SES401", "SES301"]),
            (["--select", "lazy-load-in-loop", "--select", "SES2"], ["SES401", "SES201"]),
            (["--ignore", "SES4,SES3"], ["SES201"]),
            (["--extend-select", "unused-suppression", "--ignore", "SES4,SES3"], ["SES201", "SES001"]),
        ]
        for arguments, codes in chosen:
            assert [line.split()[1] for line in lines(command("a.py", *CONCISE, *arguments))] == codes

    def test_flags_stand_above_the_configuration(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\nbad_301()\nbad_001()\n")
        (project / ".sqla-lint.toml").write_text("select = ['SES3']\nignore = ['SES4']\nextend-select = ['SES001']\n")
        codes = {
            (): ["SES301", "SES001"],
            ("--select", "SES401"): ["SES401"],
            ("--ignore", "SES3"): ["SES001"],
            ("--extend-select", "SES401"): ["SES401", "SES301", "SES001"],
        }
        for arguments, expected in codes.items():
            assert [line.split()[1] for line in lines(command(*CONCISE, *arguments))] == expected

    def test_force_exclude_and_a_named_configuration(self, project: Path, command: Command, tmp_path: Path) -> None:
        put("a.py", "bad_401()\n")
        put("old/b.py", "bad_401()\n")
        (project / "lint.toml").write_text("exclude = ['old']\n")
        assert len(lines(command(*CONCISE))) == 2
        assert len(lines(command("--config", "lint.toml", *CONCISE))) == 1
        assert len(lines(command("old/b.py", "--config", "lint.toml", *CONCISE))) == 1
        assert lines(command("old/b.py", "--config", "lint.toml", "--force-exclude", *CONCISE)) == []


class TestStandardInput:
    def test_it_is_checked_under_its_name_in_its_project(self, project: Path, command: Command) -> None:
        put("a.py", "bad_301()\n")
        result = command("-", "--stdin-filename", "a.py", *CONCISE, input=HEAD + "\nbad_401()\n")
        assert lines(result) == ["a.py:3:1: SES401 `bad_401` is bad"]
        assert lines(command("-", *CONCISE, input=HEAD + "bad_401()\n")) == ["<stdin>:2:1: SES401 `bad_401` is bad"]

    def test_bytes_that_are_no_text(self, project: Path, command: Command) -> None:
        result = command("-", *CONCISE, input=b"x = 1\n'\xff'\n")
        assert (result.exit_code, lines(result)[0].split(": ")[0]) == (1, "<stdin>:2:2")

    def test_the_repaired_source_goes_out_and_the_report_to_standard_error(
        self, project: Path, command: Command
    ) -> None:
        put("a.py", "x = 1\n")
        result = command(
            "-", "--fix", "--stdin-filename", "a.py", *CONCISE, input=HEAD.encode() + b"bad_401()\r\nbad_101()"
        )
        assert result.stdout_bytes == HEAD.encode() + b"good_401()\r\nbad_101()"
        assert "a.py:3:1: SES101 `bad_101` is bad" in result.stderr
        assert result.exit_code == 1
        assert Path("a.py").read_text() == HEAD + "x = 1\n"

    def test_what_cannot_be_repaired_comes_out_as_it_went_in(self, project: Path, command: Command) -> None:
        for data in (b"x = 1\n", b"def f(:\n", b"'\xff'\0", b""):
            assert command("-", "--fix", input=data).stdout_bytes == data


class TestFix:
    def test_it_tells_what_it_fixed_and_what_is_left(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\nbad_101()\nstubborn()\n")
        result = command("--fix", *CONCISE)
        assert result.exit_code == 1
        assert lines(result) == ["a.py:3:1: SES101 `bad_101` is bad", "a.py:4:1: SES301 `stubborn` is bad"]
        assert "fixed a.py:2: SES401 lazy-load-in-loop: write bad_401 well\n" in result.stderr
        assert "left a.py:3: SES101 global-session: its fix is unsafe\n" in result.stderr
        assert command("--fix", "--unsafe-fixes", "--ignore", "SES3").exit_code == 0
        assert Path("a.py").read_text() == HEAD + "good_401()\ngood_101()\nstubborn()\n"

    def test_it_tells_why_the_rest_has_no_fix(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\nstubborn()\n")
        for flag in ("--diff", "--fix"):
            told = [line for line in command(flag, *CONCISE).stderr.splitlines() if line.startswith("left ")]
            assert told == ["left a.py:3: SES301 close-before-return: it is stubborn"]
        assert "left" not in command(*CONCISE).stderr

    def test_statistics_count_what_was_fixed_and_what_is_left(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\nbad_401()\nbad_101()\nstubborn()\nstubborn()\n")
        told = command("--fix", "--statistics", *CONCISE).stderr.splitlines()
        assert told[:3] == [
            "fixed 2  SES401  lazy-load-in-loop",
            "left 2  SES301  close-before-return: it is stubborn",
            "left 1  SES101  global-session: its fix is unsafe",
        ]

    def test_a_diff_applies_and_writes_nothing(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\r\nbad_101()")
        put("pkg/b c.py", "bad_301()")
        result = command("--diff")
        assert result.exit_code == 1
        assert Path("a.py").read_bytes().endswith(b"bad_401()\r\nbad_101()")
        assert "would fix a.py:2: SES401" in result.stderr
        subprocess.run(["git", "apply", "-"], input=result.stdout_bytes, check=True, cwd=project)
        assert Path("a.py").read_bytes() == HEAD.encode() + b"good_401()\r\nbad_101()"
        assert Path("pkg/b c.py").read_bytes() == HEAD.encode() + b"good_301()"
        clean = command("--diff", "--fix")
        assert (clean.exit_code, clean.stdout) == (0, ""), "what is left does not make a diff"

    def test_a_diff_of_standard_input(self, project: Path, command: Command) -> None:
        result = command("-", "--diff", "--stdin-filename", "a.py", input=HEAD + "bad_401()\n")
        assert lines(result)[:2] == ["--- a/a.py", "+++ b/a.py"]
        assert lines(result)[-2:] == ["-bad_401()", "+good_401()"]


class TestOutput:
    def test_findings_and_nothing_else_on_standard_output(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\nstubborn()\n")
        result = command(*CONCISE, "--statistics", "--verbose")
        assert len(lines(result)) == 2
        for words in (
            "1 file checked; 2 findings; fixable: 1 with --fix",
            "1  SES301  close-before-return",
            "1 files read",
        ):
            assert words in result.stderr
        assert "a.py:3: SES301 has no fix: it is stubborn" in result.stderr
        assert command(*CONCISE, "--quiet").stderr == ""

    def test_a_report_in_a_file(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\n")
        result = command("--format", "json", "--output-file", "out.json")
        assert result.stdout == ""
        assert "1 finding" in result.stderr
        assert json.loads(Path("out.json").read_text())["summary"]["findings"] == 1
        assert result.exit_code == 1

    def test_two_runs_print_the_same_bytes(self, project: Path, process: Run) -> None:
        for number in range(20):
            put(f"p{number % 3}/m{number}.py", "bad_401(); bad_301()\nbad_201()\n")
        runs = [process("sqla-lint", env={"PYTHONHASHSEED": str(seed)}) for seed in (1, 2)]
        assert runs[0].stdout == runs[1].stdout
        assert len(runs[0].stdout) > 1000

    def test_names_and_text_that_the_terminal_cannot_print(self, project: Path, process: Run) -> None:
        put("naïve.py", "x = 'é\u2028'; bad_401()\n")
        with open(os.fsencode(project) + b"/\xff.py", "wb") as file:
            file.write(HEAD.encode() + b"bad_401()\n")
        for format_ in ("text", "concise", "json", "github"):
            result = process("sqla-lint", "--format", format_, env={"PYTHONIOENCODING": "ascii"})
            assert result.returncode == 1, result.stderr.decode()
            assert b"SES401" in result.stdout
            assert b"Traceback" not in result.stderr

    def test_colours(self, project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        put("a.py", "bad_401()\n")
        assert "\x1b[" not in command().stdout
        assert "\x1b[" in command("--color", color=True).stdout
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert "\x1b[" in command(color=True).stdout
        assert "\x1b[" not in command("--no-color", color=True).stdout
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b[" not in command(color=True).stdout


class TestPages:
    def test_rules_are_listed_and_explained(self, project: Path, command: Command) -> None:
        listed = command("--list-rules")
        assert [line.split()[0] for line in lines(listed)] == [rule.code for rule in all_rules()]
        for rule in all_rules():
            for word in (rule.code, rule.name):
                page = command("--explain", word)
                assert page.exit_code == 0
                assert rule.page in page.stdout
        assert lines(command("--explain", "SES001"))[0] == "SES001 unused-suppression (warning, off by default)"

    def test_settings_are_shown(self, project: Path, command: Command) -> None:
        (project / "pyproject.toml").write_text("[tool.sqla-lint]\nignore = ['SES4']\n")
        result = command("--show-settings", "--pattern", "base-mixin")
        assert result.exit_code == 0
        assert 'ignore = ["SES4"]' in lines(result)
        assert 'pattern = "base-mixin"' in lines(result)
        assert str(project / "pyproject.toml") in lines(result)[0]

    def test_help_and_version(self, project: Path, command: Command) -> None:
        assert "Usage: " in command("--help").stdout
        assert command("--version").stdout == f"sqla-lint, version {sqla_lint.__version__}\n"


class TestProcess:
    def test_as_a_module(self, project: Path) -> None:
        Path("a.py").write_text("def\n")
        result = subprocess.run([sys.executable, "-m", "sqla_lint", *CONCISE], capture_output=True, check=False)
        assert result.returncode == 1
        assert result.stdout.startswith(b"a.py:1:4: SES000 ")
        assert (
            subprocess.run([sys.executable, "-m", "sqla_lint", "--selct"], capture_output=True, check=False).returncode
            == 2
        )

    def test_an_interrupt_exits_130(self, project: Path) -> None:
        put("a.py", "wait()\n")
        process = subprocess.Popen(
            [sys.executable, stand_in.__file__, "sqla-lint"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        assert process.stderr.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 130
        assert (output, errors) == (b"", b"interrupted\n")

    @pytest.mark.parametrize("findings", [1, 20_000])
    def test_a_closed_pipe_is_quiet(self, project: Path, findings: int) -> None:
        put("a.py", "bad_401()\n" * findings)
        reader, writer = os.pipe()
        os.close(reader)
        process = subprocess.Popen(
            [sys.executable, stand_in.__file__, "sqla-lint", "-q"], stdout=writer, stderr=subprocess.PIPE
        )
        os.close(writer)
        assert process.communicate(timeout=60)[1] == b""
        assert process.returncode == 141

    def test_progress_is_drawn_on_a_terminal_only(self, project: Path) -> None:
        put("a.py", "wait()\n")
        primary, secondary = pty.openpty()
        program = [sys.executable, stand_in.__file__, "sqla-lint"]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=secondary)
        os.close(secondary)
        seen = b""
        deadline = time.monotonic() + 20
        while b"checking [" not in seen and time.monotonic() < deadline:
            seen += os.read(primary, 1000)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=20)[0]
        os.close(primary)
        assert b"checking [" in seen
        assert output == b""


def test_starting_is_cheap() -> None:
    code = "import sys, sqla_lint.flake8_plugin; print([m for m in ('libcst', 'click', 'pathspec', 'sqla_lint.engine') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"
