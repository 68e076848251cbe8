"""Fixtures as files and as running modules."""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from packaging.requirements import Requirement

from oracle.expectations import expectations
from oracle.verdicts import Oracle
from oracle.watch import Watch


class Fixture(NamedTuple):
    """A fixture file, the name to import it under, and the folder that its imports start from."""

    path: Path
    module: str
    root: Path


def load(path: Path) -> Fixture:
    """The fixture at *path*: of a project, named from the project's folder; alone, from its own."""
    root = next((parent for parent in path.parents if (parent / "pyproject.toml").is_file()), path.parent)
    if root.parent.name != "projects":
        root = path.parent
    return Fixture(path, ".".join(path.relative_to(root).with_suffix("").parts), root)


def missing(path: Path) -> list[str]:
    """The requirements of *path*'s header that this interpreter's packages do not meet, and what SQLAlchemy 1.4 lacks."""
    unmet = [text for text in expectations(path).requires if not _met(Requirement(text))]
    return unmet + (_of_version_2(path) if not _met(Requirement("sqlalchemy>=2")) else [])


def _of_version_2(path: Path) -> list[str]:
    """What a fixture, or what stands beside it to be imported, imports of SQLAlchemy that the installed one lacks."""
    root = load(path).root
    alone = root == path.parent
    beside = [
        other for other in root.rglob("*.py") if not (alone and other.name.startswith(("bad_", "good_", "fixed_")))
    ]
    parsed = [ast.parse(file.read_bytes()) for file in {path, *beside}]
    imports = [node for tree in parsed for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [
        f"{node.module}.{alias.name}"
        for node in imports
        if (node.module or "").split(".")[0] == "sqlalchemy"
        for alias in node.names
        if not hasattr(importlib.import_module(node.module or ""), alias.name)
    ]


def _met(requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


@contextmanager
def running(fixture: Fixture, folder: Path, cured: bool = False) -> Iterator[tuple[ModuleType, Oracle]]:
    """Import *fixture* with *folder* as the current directory (its databases land there) and watch it."""
    before, path, here = set(sys.modules), list(sys.path), Path.cwd()
    sys.path.insert(0, str(fixture.root))
    os.chdir(folder)
    watch = Watch()
    gc.collect()
    gc.freeze()  # the many collections of the oracle need not look at what was there before
    try:
        with watch.listening():
            yield importlib.import_module(fixture.module), Oracle(watch, cured)
    finally:
        gc.unfreeze()
        os.chdir(here)
        sys.path[:] = path
        _forget_modules(set(sys.modules) - before, fixture.root)
        _close(watch.connections)


def _forget_modules(names: set[str], root: Path) -> None:
    for name in names:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(root)):
            del sys.modules[name]
    if "marshmallow" in sys.modules:
        # Schemas are found by their names, whichever fixture they are of.
        schemas: Any = sys.modules["marshmallow.class_registry"]
        schemas._registry.clear()
    if "sqlmodel" in sys.modules:
        model: Any = sys.modules["sqlmodel"].SQLModel
        model.metadata.clear()
        model._sa_registry.dispose()


def _close(connections: list[Any]) -> None:
    """Close what the fixture left open: an asynchronous driver's thread would outlive the run otherwise."""
    for connection in connections:
        driver = getattr(connection, "driver_connection", None)
        if driver is None:
            connection.close()
        elif driver._thread.is_alive():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                driver.stop()
            driver._thread.join(2)
