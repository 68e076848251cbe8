"""Every bad fixture of the rule: repaired by the eager load, silent afterwards, and cured when it is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracle.expectations import without_expectations
from oracle.loading import Fixture, missing, running

from sqla_lint import Settings, check, fix

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "rules" / "lazy-load-in-loop"
BAD = sorted(FOLDER.glob("bad_*.py"))
# What fixtures import: the models, and what uses them.
BESIDE = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith(("bad_", "good_", "fixed_")))
# Findings that are refused: the query leaves a column out itself, or the class that it asks for stands elsewhere.
# Or only a subclass has what is read, or a wildcard would hold for what is loaded then.
LEFT = {
    "bad_added_methods": 4,
    "bad_base_methods": 2,
    "bad_columns": 5,
    "bad_dynamic": 4,
    "bad_dynamic_handed": 2,
    "bad_dynamic_own_options": 1,
    "bad_handed_in": 2,
    "bad_inherited": 2,
    "bad_kinds": 3,
    "bad_polymorphic": 1,
    "bad_repository": 4,
    "bad_stored": 2,
    "bad_unseen": 1,
    "bad_unseen_sessions": 1,
    "bad_where_ways_meet": 5,
    "bad_wildcards": 2,
}


def _copy(path: Path, folder: Path) -> Path:
    """The fixture without its marks, with the models that it may import."""
    (folder / "pyproject.toml").touch()
    for source in (path, *BESIDE):
        (folder / source.name).write_text(without_expectations(source.read_text("utf-8")), "utf-8")
    return folder / path.name


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_fixture_is_repaired(path: Path, tmp_path: Path) -> None:
    copy = _copy(path, tmp_path)
    models = (tmp_path / "models.py").read_bytes()
    left = fix([tmp_path], Settings()).report.findings
    assert all(finding.fix_refused for finding in left)
    assert len(left) == LEFT.get(path.stem, 0), [f"{finding.span.line} {finding.fix_refused}" for finding in left]
    assert (tmp_path / "models.py").read_bytes() == models
    again = copy.read_bytes()
    assert fix([tmp_path], Settings()).fixed == ()
    assert copy.read_bytes() == again


@pytest.mark.parametrize("path", [path for path in BAD if path.stem not in LEFT], ids=lambda path: path.stem)
def test_repaired_fixture_is_cured_with_the_same_results(path: Path, tmp_path: Path) -> None:
    if lacking := missing(path):
        pytest.skip(f"needs {', '.join(lacking)}")
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    copy = _copy(path, tmp_path)
    with running(Fixture(copy, copy.stem, tmp_path), tmp_path / "before") as (module, oracle):
        module.witness(oracle)
        results = oracle.results
    fix([tmp_path], Settings())
    assert check([copy], Settings()).findings == ()
    with running(Fixture(copy, copy.stem, tmp_path), tmp_path / "after", cured=True) as (module, oracle):
        module.witness(oracle)
        assert oracle.results == results
