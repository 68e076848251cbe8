"""flake8 with the plugin says of every fixture and project exactly what the command says, on the same lines."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
# A file that does not parse is flake8's own E999, and flake8 runs no plugin on it.
UNPARSABLE = "syntax-error"
PROJECTS = sorted(path.name for path in (FIXTURES / "projects").iterdir() if path.is_dir())


def lines(folder: Path, *program: str) -> list[str]:
    """What a program prints in *folder*, in order of the lines; it must not complain."""
    ran = subprocess.run([sys.executable, "-m", *program], cwd=folder, capture_output=True, text=True, timeout=300)
    assert ran.stderr == "", ran.stderr
    assert ran.returncode in (0, 1)
    return sorted(line.removeprefix("./") for line in ran.stdout.splitlines())


def both(folder: Path, *paths: str, jobs: str = "-j1") -> tuple[list[str], list[str]]:
    """What the command and flake8 print of *paths* in *folder*."""
    command = lines(folder, "sqla_lint", "--quiet", "--format", "concise", "--ignore", "SES000", *paths)
    # flake8 opens no templates: what stands in them is the command's alone.
    command = [line for line in command if ".py:" in line]
    return command, lines(folder, "flake8", "--isolated", "--select", "SES", jobs, *paths)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixtures in a project of their own, so that flake8 is not slowed by anything around them."""
    folder = tmp_path_factory.mktemp("same") / "project"
    shutil.copytree(FIXTURES, folder / "fixtures", ignore=shutil.ignore_patterns("__pycache__", UNPARSABLE))
    (folder / "pyproject.toml").touch()
    return folder


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_all_fixtures_in_one_run(copy: Path, jobs: str) -> None:
    command, flake8 = both(copy, "fixtures", jobs=jobs)
    assert len(command) > 100
    assert flake8 == command


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_of_many_files(copy: Path, name: str) -> None:
    command, flake8 = both(copy, f"fixtures/projects/{name}")
    assert command or name == "flask_gallery"
    assert flake8 == command


def test_one_file_of_a_project(copy: Path) -> None:
    """A file that is given alone is judged with the files that it was not given with."""
    command, flake8 = both(copy, "fixtures/readme/report.py")
    assert {line.split()[1] for line in command} == {"SES201", "SES302", "SES401"}
    assert flake8 == command
