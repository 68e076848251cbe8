from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sqla_lint import cli, parallel

FIXTURES = Path(__file__).parent.parent / "fixtures"


@pytest.fixture
def tree(project: Path) -> Path:
    """A project of files that have findings, notes and each other's functions."""
    for number, path in enumerate(sorted((FIXTURES / "rules").glob("*/bad_*.py"))[::9]):
        (project / f"m{number}.py").write_bytes(path.read_bytes())
    for path in (FIXTURES / "readme").glob("*.py"):
        (project / path.name).write_bytes(path.read_bytes())
    (project / "broken.py").write_text("def\n")
    return project


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.command, ["--no-cache", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("arguments", [("--format", "json", "-v"), ("--format", "sarif"), ("--diff", "--unsafe-fixes")])
def test_any_number_of_processes_says_the_same(tree: Path, arguments: tuple[str, ...]) -> None:
    plain = run("--jobs", "1", *arguments)
    assert len(plain.stdout) > 1000
    for jobs in ("2", "5", "auto"):
        result = run("--jobs", jobs, *arguments)
        assert (result.stdout_bytes, result.stderr_bytes) == (plain.stdout_bytes, plain.stderr_bytes)


def test_usage(project: Path) -> None:
    for wrong in ("0", "-1", "two", "", "²"):
        result = run("--jobs", wrong)
        assert result.exit_code == 2
        assert re.search(r"--jobs.*must be 'auto' or a number from 1 up", result.stderr)
    assert "jobs = 3" in run("--jobs", "3", "--show-settings").stdout
    (project / "pyproject.toml").write_text("[tool.sqla-lint]\njobs = 2\n")
    assert "jobs = 2" in run("--show-settings").stdout
    assert 'jobs = "auto"' in run("--show-settings", "--jobs", "auto").stdout


class TestDone:
    def test_shares_cover_all(self) -> None:
        for jobs in (1, 2, 3, 10):
            dealt = parallel.shares(jobs, "abcde")
            assert sorted("".join(share[index] for share in dealt for index in range(len(share)))) == list("abcde")
            assert len(dealt) <= min(jobs, 5)
        assert parallel.shares("auto", "abc") == ["abc"]
        assert parallel.shares(4, "") == [""]

    def test_more_than_a_pipe_holds_comes_back(self) -> None:
        assert parallel.done([[1], [2], [3]], lambda share: [share[0]] * 200_000) == [[n] * 200_000 for n in (1, 2, 3)]

    @pytest.mark.parametrize(
        "fail", [lambda: os._exit(0), lambda: os._exit(3), lambda: os.kill(os.getpid(), signal.SIGKILL)]
    )
    def test_a_process_that_dies_is_survived(self, fail: Callable[[], None]) -> None:
        here = os.getpid()

        def work(share: Sequence[int]) -> list[int]:
            if os.getpid() != here and share[0] == 2:
                fail()
            return list(share)

        assert parallel.done([[1], [2], [3]], work) == [[1], [2], [3]]

    def test_what_goes_wrong_is_seen_here(self) -> None:
        def work(share: Sequence[int]) -> list[int]:
            if share[0] == 2:
                raise RuntimeError("here")
            return list(share)

        with pytest.raises(RuntimeError, match="here"):
            parallel.done([[1], [2], [3]], work)
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
