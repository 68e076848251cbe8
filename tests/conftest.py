from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import stand_in
from click.testing import CliRunner, Result

from sqla_lint import analysis, codemods

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="session", autouse=True)
def silent_pools() -> None:
    """No log of pools that cannot take a connection back.

    What a leaking fixture leaves is collected in the middle of any other test; the log's traceback is written with the help
    of ``ast.parse``, and one parse within another is a SystemError before Python 3.11.8 (github.com/python/cpython/issues/106905).
    """
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project that is also the current folder."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text("")
    monkeypatch.chdir(root)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in instead of the analysis and the codemods, in this process."""
    monkeypatch.setattr(analysis, "analyse", stand_in.analyse)
    monkeypatch.setattr(codemods, "repair", stand_in.repair)


@pytest.fixture
def command(stub: None) -> Callable[..., Result]:
    """The command in this process, over the stand-in."""
    from sqla_lint.cli import command as cli

    def run(*arguments: str, **options: object) -> Result:
        return CliRunner().invoke(cli, list(arguments), catch_exceptions=False, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def process() -> Run:
    """A program of the stand-in's in a process of its own."""

    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, **options.pop("env", {})}  # type: ignore[dict-item]
        program = [sys.executable, stand_in.__file__, *arguments]
        return subprocess.run(program, capture_output=True, env=environment, timeout=60, **options)  # type: ignore[call-overload,no-any-return]

    return run
