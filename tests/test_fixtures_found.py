"""Every fixture is judged: the findings are exactly those that its comments expect, on the same lines.

What a rule that does not exist yet shall report is written down already; it is not asked for until the rule is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from oracle.expectations import expectations

from sqla_lint import Settings, check
from sqla_lint.rules import all_rules

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
PROJECTS = sorted(path for path in (FIXTURES / "projects").iterdir() if path.is_dir())
ALONE = sorted(path for part in ("rules", "seeds") for path in (FIXTURES / part).rglob("*.py"))
DEFAULT = frozenset(rule.code for rule in all_rules() if rule.default) | {"SES000"}
JUDGED = {".py", ".html"}
OFF = {rule.name: rule.code for rule in all_rules() if not rule.default}

Found = frozenset[tuple[str, int, str]]
Judge = Callable[[str], Found]


def _name(path: Path) -> str:
    return path.relative_to(FIXTURES).as_posix()


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """What is found in a project of a copy of the fixtures: a rule's folder is one, and so is a seed's file.

    In the repository itself all of them would be one project, read as a whole for each.
    """
    copy = tmp_path_factory.mktemp("fixtures").resolve()
    for source in [*ALONE, *(path for folder in PROJECTS for path in folder.rglob("*") if path.is_file())]:
        target = copy / (_project(source) if source.parent.name == "seeds" else ".") / _name(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

    @cache
    def found(project: str) -> Found:
        folder = copy / project
        (folder / "pyproject.toml").touch()
        settings = Settings(extend_select=tuple(OFF[name] for name in (folder.name,) if name in OFF), folder=folder)
        report = check([str(folder)], settings)
        assert not report.errors
        names = [Path(finding.path).resolve().relative_to(copy).as_posix() for finding in report.findings]
        return frozenset(
            (name.removeprefix(f"{project}/") if name.count("seeds") > 1 else name, finding.span.line, finding.code)
            for name, finding in zip(names, report.findings, strict=True)
        )

    return found


def _project(path: Path) -> str:
    """The folder, from the copy's root, that is the project of *path*."""
    return _name(path).removesuffix(".py") if path.parent.name == "seeds" else _name(path.parent)


def _compare(paths: list[Path], found: Found) -> None:
    """A line marked for later is expected as soon as its rule is there; a fixed file expects nothing."""
    names = {_name(path) for path in paths}
    expected = {
        (_name(path), line, code)
        for path in paths
        for line, code in expectations(path).now | expectations(path).later
        if code in DEFAULT or OFF.get(path.parent.name) == code
    }
    here = {entry for entry in found if entry[0] in names}
    missed = [f"missed alarm: {name}:{line} {code}" for name, line, code in sorted(expected - here)]
    false = [f"false alarm: {name}:{line} {code}" for name, line, code in sorted(here - expected)]
    assert not missed + false, "\n" + "\n".join(missed + false)


@pytest.mark.parametrize("path", ALONE, ids=_name)
def test_finds_what_the_lines_expect(path: Path, judge: Judge) -> None:
    _compare([path], judge(_project(path)))


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_finds_what_the_project_expects(folder: Path, judge: Judge) -> None:
    _compare(sorted(path for path in folder.rglob("*") if path.suffix in JUDGED), judge(_name(folder)))
