"""Dependencies point one way, and what is known of SQLAlchemy stands in one file."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from sqla_lint import sqlalchemy_api

PACKAGE = Path(sqlalchemy_api.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# About what can be read at one go, and a little more.
LONGEST = 350
# Longer files, to be taken apart where they do more than one thing; none may be longer than this.
LONGER = {"lower/nodes.py"}
LONGEST_OF_ALL = 410
# What stands above each layer: it may import nothing of these.
ENDS = frozenset({"cli", "flake8_plugin"})
ABOVE = {
    "rules": ENDS | {"engine", "analysis", "judge", "codemods", "reporters", "output", "arguments", "config", "source"},
    "codemods": ENDS | {"engine", "analysis", "reporters", "output", "arguments"},
    "reporters": ENDS | {"engine", "analysis", "judge", "codemods", "output", "arguments", "config", "flow", "index"},
    "flow": ENDS | {"engine", "analysis", "judge", "rules", "codemods", "reporters", "output", "arguments"},
    "index": ENDS | {"engine", "analysis", "judge", "rules", "codemods", "reporters", "output", "arguments", "flow"},
    "lower": ENDS | {"engine", "analysis", "judge", "rules", "codemods", "reporters", "output", "flow", "index"},
    "engine": ENDS | {"output", "arguments"},
}
# Third-party packages, and the only parts of the package that may import them.
HOMES = {
    "libcst": {"lower", "codemods"},
    "flake8": {"flake8_plugin"},
    "click": {"cli", "arguments", "output", "progress", "reporters"},
    "jinja2": {"jinja_files"},
    "pathspec": {"config", "discovery"},
    "tomllib": {"config"},
    "tomli": {"config"},
}
# These put the package together, or decide by themselves what a rule may not know.
FOUND_BY_WALKING = {"__init__", "verdict"}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part_of(path: Path) -> str:
    """The layer that a file belongs to: its folder, or itself where it stands alone."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """The dotted names of all modules that a file imports, inside functions too; a relative import is an error."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} imports relatively"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def inner(path: Path) -> set[str]:
    """The layers of the package that a file imports."""
    dotted = (name.split(".") for name in imports(path))
    return {parts[1] for parts in dotted if parts[0] == "sqla_lint" and len(parts) > 1}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_file_imports_what_stands_above_it(path: Path) -> None:
    assert not inner(path) & ABOVE.get(part_of(path), ENDS if part_of(path) != "__main__" else frozenset())


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_other_packages_are_imported_where_they_belong(path: Path) -> None:
    outer = {name.split(".")[0] for name in imports(path)} - {"sqla_lint"}
    assert outer <= sys.stdlib_module_names | set(HOMES), "a package that the project does not depend on"
    assert [name for name in sorted(outer & set(HOMES)) if part_of(path) not in HOMES[name]] == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "rules").glob("*.py")), ids=name_of)
def test_rules_do_not_know_each_other(path: Path) -> None:
    files = {other.stem for other in path.parent.glob("*.py")} - FOUND_BY_WALKING
    assert not {name for name in imports(path) if name.removeprefix("sqla_lint.rules.") in files}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_user_code_is_never_imported_or_unpickled(path: Path) -> None:
    assert not imports(path) & {"pickle", "shelve", "marshal", "runpy", "imp"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_of_a_size_to_be_read(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= (LONGEST_OF_ALL if name_of(path) in LONGER else LONGEST), (
        f"{name_of(path)} has {lines} lines: what could stand in a file of its own?"
    )


def tables() -> dict[str, frozenset[str]]:
    """The tables of SQLAlchemy's method names, by name."""
    found = vars(sqlalchemy_api).items()
    return {name: value for name, value in found if name.isupper() and isinstance(value, frozenset)}


@pytest.mark.parametrize("path", [path for path in FILES if part_of(path) != "sqlalchemy_api"], ids=name_of)
def test_methods_of_sqlalchemy_are_listed_in_one_file(path: Path) -> None:
    """A constant that lists five names or more, all of them SQLAlchemy's methods, is a table: it belongs to the others."""
    known = frozenset().union(*tables().values())
    for statement in ast.parse(path.read_text("utf-8")).body:
        values = [part for part in ast.walk(statement) if isinstance(part, (ast.Set, ast.List, ast.Tuple))]
        for value in values if isinstance(statement, (ast.Assign, ast.AnnAssign)) else []:
            words = {item.value for item in value.elts if isinstance(item, ast.Constant)}
            assert len(words) < 5 or not words <= known, (
                f"{name_of(path)}:{value.lineno} lists {sorted(map(str, words))}"
            )
