"""Repairing a project of several files, and running it before and after."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from oracle.loading import Fixture, running

from sqla_lint import Settings, check, fix
from sqla_lint.config import SessionPattern
from sqla_lint.finding import Finding


class Outcome(NamedTuple):
    """The files after the repair; *before* and *after* are the findings."""

    files: dict[str, str]
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]

    def refusals(self, code: str) -> list[str]:
        return [f.fix_refused for f in self.before if f.code == code and f.fix_refused]


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
    (folder / "pyproject.toml").touch()
    return folder


def repaired(
    folder: Path, files: Mapping[str, str], pattern: SessionPattern = "context-manager", only: Sequence[str] = ()
) -> Outcome:
    """Apply every fix, the unsafe ones too, to the project, or to the files that *only* names."""
    write(folder, files)
    named = [folder / name for name in only] or [folder]
    before = check([folder], Settings(pattern=pattern)).findings
    outcome = fix(named, Settings(unsafe_fixes=True, pattern=pattern))
    assert not outcome.report.errors
    texts = {name: (folder / name).read_bytes().decode("utf-8") for name in files}
    return Outcome(texts, before, check([folder], Settings(pattern=pattern)).findings)


class Run(NamedTuple):
    """What the calls gave or raised, the rows then, the sessions left open and the uses of a failed transaction."""

    results: list[Any]
    rows: int
    unclosed: int
    poisoned: int


def run(project: Path, folder: Path, module: str, calls: Sequence[str], table: str = "items") -> Run:
    """Make *calls* one after the other in *module* of a project whose ``db`` has the engine, the base and the model."""
    folder.mkdir()
    try:
        return _run(project, folder, module, calls, table)
    finally:
        gc.collect()  # a session that nobody closed goes here, not in the middle of another test


def _run(project: Path, folder: Path, module: str, calls: Sequence[str], table: str) -> Run:
    path = project / (module.replace(".", "/") + ".py")
    with running(Fixture(path, module, project), folder) as (main, oracle):
        oracle.setup(main.engine, main.Base.metadata, main.Item(name="a"), main.Item(name="b"))
        results: list[Any] = []
        unclosed = poisoned = 0
        for call in calls:
            seen = oracle.observe(partial(eval, call, vars(main)))
            results.append((repr(seen.result), type(seen.error).__name__))
            unclosed += seen.unclosed + seen.held
            poisoned += seen.poisoned
        return Run(results, oracle.rows(table), unclosed, poisoned)
