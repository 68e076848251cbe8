"""The hooks, run by the real pre-commit, which installs the checkout into an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def repository(project: Path) -> Path:
    (project / "pyproject.toml").write_text("[tool.sqla-lint]\nexclude = ['old/']\n")
    (project / "good.py").write_text("x = 1\n")
    (project / "bad.py").write_text("def f(:\n")
    (project / "old").mkdir()
    (project / "old/bad.py").write_text("def f(:\n")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "."], check=True)
    return project


def hook(home: Path, name: str, *files: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "pre_commit", "try-repo", str(CHECKOUT), name, "--verbose", "--files", *files]
    environment = {**os.environ, "PRE_COMMIT_HOME": str(home)}
    return subprocess.run(program, capture_output=True, text=True, check=False, env=environment, timeout=600)


@pytest.mark.parametrize("name", ["sqla-lint", "sqla-lint-fix"])
def test_a_hook_checks_what_is_committed(repository: Path, home: Path, name: str) -> None:
    result = hook(home, name, "bad.py", "good.py", "old/bad.py", "pyproject.toml")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "exit code: 1" in result.stdout
    assert "bad.py:1:7" in result.stdout
    assert "SES000 syntax-error" in result.stdout
    assert "old/bad.py" not in result.stdout
    assert "2 files checked" in result.stdout, "one process gets all the files"
    assert hook(home, name, "good.py", "old/bad.py").returncode == 0
