"""Every fixture is judged: the findings are exactly those that its comments expect, on the same lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracle.expectations import expectations

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
PROJECTS = sorted(path for path in (FIXTURES / "projects").iterdir() if path.is_dir())
JUDGED = frozenset({"SES000", "SES101", "SES201", "SES301", "SES302", "SES401"})
ALONE = sorted(path for part in ("rules", "seeds") for path in (FIXTURES / part).rglob("*.py"))


def _name(path: Path) -> str:
    return path.resolve().relative_to(FIXTURES).as_posix()


def _expected(paths: list[Path]) -> set[tuple[str, int, str]]:
    """A fixed file keeps no comment of the bad one: it expects nothing."""
    return {(_name(path), line, code) for path in paths for line, code in expectations(path).now if code in JUDGED}


def _found(paths: list[Path]) -> set[tuple[str, int, str]]:
    from sqla_lint import check
    from sqla_lint.config import Settings

    findings = check([str(path) for path in paths], Settings()).findings
    return {(_name(Path(found.path)), found.span.line, found.code) for found in findings if found.code in JUDGED}


def _compare(paths: list[Path]) -> None:
    expected, found = _expected(paths), _found(paths)
    missed = [f"missed alarm: {name}:{line} {code}" for name, line, code in sorted(expected - found)]
    false = [f"false alarm: {name}:{line} {code}" for name, line, code in sorted(found - expected)]
    assert not missed + false, "\n" + "\n".join(missed + false)


@pytest.mark.parametrize("path", ALONE, ids=_name)
def test_finds_what_the_lines_expect(path: Path) -> None:
    _compare([path])


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_finds_what_the_project_expects(folder: Path) -> None:
    _compare(sorted(folder.rglob("*.py")))
