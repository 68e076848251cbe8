from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run

HEAD = "import sqlalchemy\n"
BASE = ("flake8", "--isolated", "--select", "SES")


def put(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text)


def lines(process: Run, *arguments: str, **options: object) -> list[str]:
    result = process(*arguments, **options)
    assert result.stderr == b"", result.stderr.decode()
    return sorted(line.removeprefix("./") for line in result.stdout.decode().splitlines())


@pytest.fixture
def busy(project: Path) -> Path:
    """A project with findings in several folders, a suppressed one, and a file without any."""
    for number in range(8):
        put(f"pkg{number % 2}/m{number}.py", "def f():\n    x = 'é', bad_401()\nbad_301()  # noqa: SES301\nbad_201()\n")
    put("clean.py", "x = 1\n")
    put("own.py", "bad_401()  # sqla-lint: ignore[SES401]\nbad_401()\n")
    return project


def test_the_findings_are_those_of_the_command(busy: Path, process: Run) -> None:
    ours = lines(process, "sqla-lint", "-q", "--format", "concise")
    assert len(ours) == 17
    assert lines(process, *BASE, "-j1") == ours
    assert lines(process, *BASE, "-j2") == ours
    assert lines(process, *BASE, "-j1", "pkg1", "own.py") == [line for line in ours if line.startswith(("pkg1", "own"))]
    assert lines(process, *BASE, "-j1", str(busy / "own.py")) == [f"{busy}/own.py:3:1: SES401 `bad_401` is bad"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_that_are_started_anew(busy: Path, process: Run, method: str) -> None:
    expected = lines(process, *BASE, "-j1")
    assert lines(process, *BASE, "-j2", env={"STAND_IN_START": method}) == expected


def test_each_process_analyses_a_project_once(busy: Path, process: Run) -> None:
    put("once.py", "wait()\n")
    result = process(*BASE, "-j1", env={"STAND_IN_WAIT": "0"})
    assert result.stderr.count(b"waiting") == 1


def test_standard_input_is_read_in_its_project(busy: Path, process: Run) -> None:
    text = (HEAD + "\n\nbad_401()\nbad_301()  # noqa\n").encode()
    named = lines(process, *BASE, "--stdin-display-name", "own.py", "-", input=text)
    assert named == ["own.py:4:1: SES401 `bad_401` is bad"]
    assert lines(process, *BASE, "-", input=text) == ["stdin:4:1: SES401 `bad_401` is bad"]


def test_flake8_decides_what_is_shown(busy: Path, process: Run) -> None:
    (busy / "pyproject.toml").write_text(
        "[tool.sqla-lint]\nselect = ['SES1']\nexclude = ['own.py']\n[tool.sqla-lint.per-file-ignores]\n'*' = ['SES']\n"
    )
    assert len(lines(process, *BASE, "-j1")) == 17
    assert len(lines(process, "flake8", "--isolated", "-j1", "--select", "SES2")) == 8
    assert len(lines(process, *BASE, "-j1", "--disable-noqa")) == 25
    (busy / "setup.cfg").write_text("[flake8]\nselect = SES\nexclude = pkg0\nper-file-ignores =\n    own.py: SES4\n")
    assert {line.split("/")[0] for line in lines(process, "flake8", "-j1")} == {"pkg1"}


def test_a_syntax_error_is_flake8s_own(project: Path, process: Run) -> None:
    put("a.py", "def\n")
    put("b.py", "bad_401()\n")
    result = process("flake8", "--isolated", "-j1").stdout.decode()
    assert "a.py:2:5: E999" in result
    assert "SES000" not in result
    assert "b.py:2:1: SES401" in result


@pytest.mark.parametrize(
    "arguments, shown",
    [
        ((), False),
        (("--sqla-enable", "SES001"), True),
        (("--sqla-enable=unused-suppression",), True),
        (("--extend-select", "SES001"), True),
        (("--ignore", "E1"), False),
        (("--ignore", "E1", "--sqla-enable", "SES001"), True),
        (("--sqla-enable", "SES001", "--extend-ignore", "SES001"), False),
    ],
)
def test_rules_off_by_default(project: Path, process: Run, arguments: tuple[str, ...], shown: bool) -> None:
    put("a.py", "bad_001()\n")
    result = process("flake8", "--isolated", "-j1", *arguments)
    assert (b"SES001" in result.stdout) == shown


def test_rules_are_enabled_in_the_configuration_too(project: Path, process: Run) -> None:
    put("a.py", "bad_001()\nx = 1  # noqa: SES401\n")
    (project / ".flake8").write_text("[flake8]\nselect = SES\nsqla-enable = unused-suppression\n")
    assert [line.split()[1] for line in lines(process, "flake8", "-j1")] == ["SES001"] * 2


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_what_is_wrong_ends_the_run_with_a_message(busy: Path, process: Run, jobs: str) -> None:
    result = process(*BASE, jobs, "--sqla-enable", "SES999")
    assert result.returncode == 1
    assert b"sqla-lint: unknown rule 'SES999'" in result.stdout + result.stderr
    assert b"Traceback" not in result.stderr
    (busy / "pyproject.toml").write_text("[tool.sqla-lint]\nselct = 1\n")
    result = process(*BASE, jobs)
    assert b"unknown key 'selct'; did you mean 'select'?" in result.stdout + result.stderr


def test_files_that_the_command_would_not_find(project: Path, process: Run) -> None:
    (project / ".git").mkdir()
    (project / ".gitignore").write_text("gen.py\n")
    put("gen.py", "bad_401()\n")
    put("script", "bad_301()\n")
    put("a.py", "x = 1\n")
    assert lines(process, *BASE, "-j1") == ["gen.py:2:1: SES401 `bad_401` is bad"]
    assert lines(process, *BASE, "-j1", "script", "a.py") == ["script:2:1: SES301 `bad_301` is bad"]


def test_a_run_without_sqlalchemy_does_not_load_the_engine(project: Path) -> None:
    Path("a.py").write_text("x = 1\n")
    code = (
        "import sys; from flake8.main.cli import main; status = main(['-j1', '--isolated']);"
        "print(status, [m for m in ('sqla_lint.engine', 'sqla_lint.rules.unused_suppression', 'libcst') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout == b"0 []\n"


def test_a_crash_is_logged_and_the_other_checks_go_on(project: Path, process: Run) -> None:
    put("a.py", "crash()\nimport os\n")
    result = process("flake8", "--isolated", "-j1", "-v")
    assert b"F401" in result.stdout
    assert b"internal error" in result.stdout + result.stderr
