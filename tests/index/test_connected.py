"""Files that no import connects are parts of a project, each analysed by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sqla_lint import check
from sqla_lint.config import Settings
from sqla_lint.index.building import build
from sqla_lint.index.connected import parts
from sqla_lint.index.project import Project
from sqla_lint.lower.confirm import lower_text
from sqla_lint.lower.nodes import Module


def together(files: Mapping[str, str]) -> set[tuple[str, ...]]:
    """The files of each part, relative to the project's root."""
    modules = {}
    for name, text in files.items():
        lowered = lower_text(text)
        assert isinstance(lowered, Module)
        modules[f"/p/{name}"] = build(f"/p/{name}", lowered, tuple(text.splitlines(keepends=True)))
    return {tuple(sorted(path[3:] for path in part.modules)) for part in parts(Project("/p", modules))}


@pytest.mark.parametrize(
    "files",
    [
        {"pond.py": "", "angler.py": "import pond\n"},
        {"pond.py": "", "angler.py": "def fish():\n    from pond import carp\n"},
        {"pond.py": "", "angler.py": "from pond import *\n"},
        {"pond.py": "", "angler.py": "from pond import carp\n", "rod.py": "from pond import perch\n"},
        {"lake/__init__.py": "", "lake/pond.py": "", "lake/deep/__init__.py": "", "lake/deep/eel.py": ""},
        {"lake/pond.py": "", "lake/deep/eel.py": "", "angler.py": "import lake\n"},
        {"lake/pond.py": "", "angler.py": "from lake.pond import carp\n"},
    ],
    ids=["import", "in a function", "star", "by another", "package", "folder", "in a folder"],
)
def test_what_imports_connect_is_together(files: dict[str, str]) -> None:
    assert together(files) == {tuple(sorted(files))}


def test_what_nothing_connects_is_apart() -> None:
    files = {"pond.py": "carp = 1\n", "angler.py": "import os\ncarp = os\n", "lake/eel.py": "from pond import carp\n"}
    assert together(files) == {("angler.py",), ("lake/eel.py", "pond.py")}


HELPER = """from sqlalchemy.orm import Session
from sqlalchemy import text


def prune(registry):
    registry.remove()


def tide(registry):
    registry.execute(text("select 1"))
"""
REGISTRY = """from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

registry = scoped_session(sessionmaker(create_engine("sqlite://")))


def haul(fish):
    registry.add(fish)
    registry.commit()
"""


@pytest.mark.parametrize(("connected", "found"), [(False, 1), (True, 0)])
def test_a_stranger_cleans_nothing_up(tmp_path: Path, connected: bool, found: int) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "registry.py").write_text(REGISTRY)
    (tmp_path / "helper.py").write_text(HELPER + ("import registry\n" if connected else ""))
    report = check([tmp_path], Settings(select=("SES202",), cache=False))
    assert len(report.findings) == found
