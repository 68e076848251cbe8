"""The bad fixtures of the rule, and the examples that people begin with: repaired, and cured when they are run."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracle.expectations import without_expectations
from oracle.loading import Fixture, missing, running

from sqla_lint import Settings, fix

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
BAD = sorted((FIXTURES / "rules" / "global-session").glob("bad_*.py"))
SEEDS = [FIXTURES / "seeds" / name for name in ("crud_on_a_global_session.py", "adapter_closed_before_each_return.py")]
# Held by classes, made by functions for all, or taken from a registry: their users must change.
REFUSED = {"bad_cached.py", "bad_class_level.py", "bad_global_statement.py", "bad_from_registry_and_generator.py"}


def _copy(path: Path, folder: Path) -> Path:
    copy = folder / path.name
    copy.write_text(without_expectations(path.read_text("utf-8")), "utf-8")
    (folder / "pyproject.toml").touch()
    return copy


@pytest.mark.parametrize("path", [*BAD, *SEEDS], ids=lambda path: path.name)
def test_fixture_is_cured(path: Path, tmp_path: Path) -> None:
    if lacking := missing(path):
        pytest.skip(f"needs {', '.join(lacking)}")
    settings = Settings(unsafe_fixes=True, select=("SES101", "SES301", "SES302"))
    copy = _copy(path, tmp_path)
    before = copy.read_bytes()
    left = fix([copy], settings).report.findings
    assert all(finding.fix_refused for finding in left)
    if path.name in REFUSED:
        assert left
        assert copy.read_bytes() == before
        return
    assert left == ()
    after = copy.read_bytes()
    fix([copy], settings)
    assert copy.read_bytes() == after
    (tmp_path / "run").mkdir()
    with running(Fixture(copy, copy.stem, tmp_path), tmp_path / "run", cured=True) as (module, oracle):
        module.witness(oracle)
