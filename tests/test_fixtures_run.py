"""Every fixture is run: a bad one shows its misuse, a good one behaves, a fixed one is cured with the same results."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracle.loading import load, missing, running

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
ALL = sorted(path for path in FIXTURES.rglob("*.py"))
WITNESSED = [path for path in ALL if "def witness(" in path.read_text("utf-8", "replace")]
FIXED = [path for path in ALL if path.name.startswith("fixed_")]
UNRUNNABLE = {"syntax-error"}


def _name(path: Path) -> str:
    return path.relative_to(FIXTURES).as_posix()


def _witness(path: Path, folder: Path, cured: bool = False) -> list[str]:
    if lacking := missing(path):
        pytest.skip(f"needs {', '.join(lacking)}")
    with running(load(path), folder, cured) as (module, oracle):
        module.witness(oracle)
        return oracle.results


@pytest.mark.parametrize("path", [path for path in WITNESSED if path not in FIXED], ids=_name)
def test_behaves_as_its_witness_says(path: Path, tmp_path: Path) -> None:
    assert _witness(path, tmp_path), "the witness looked at nothing"


@pytest.mark.parametrize("path", FIXED, ids=_name)
def test_fixed_is_cured_with_the_same_results(path: Path, tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    before = _witness(path.with_name(path.name.replace("fixed_", "bad_", 1)), tmp_path / "before")
    assert _witness(path, tmp_path / "after", cured=True) == before


@pytest.mark.parametrize("path", [path for path in ALL if path.name.startswith(("bad_", "good_"))], ids=_name)
def test_has_a_witness(path: Path) -> None:
    assert path in WITNESSED or path.parent.name in UNRUNNABLE


@pytest.mark.parametrize("folder", sorted((FIXTURES / "projects").iterdir()), ids=lambda folder: folder.name)
def test_every_project_has_a_witness(folder: Path) -> None:
    assert any(folder in path.parents for path in WITNESSED)
