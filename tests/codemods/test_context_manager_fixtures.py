"""Every bad fixture of the two rules: repaired as its fixed file says, silent afterwards, and cured when it is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracle.expectations import without_expectations
from oracle.loading import Fixture, missing, running

from sqla_lint import Settings, check, fix

RULES = Path(__file__).resolve().parents[2] / "fixtures" / "rules"
BAD = sorted(path for rule in ("unclosed-session", "close-before-return") for path in (RULES / rule).glob("bad_*.py"))
# What the pattern is not for: a session that the caller owns.
LEFT = {"bad_borrowed_or_own.py", "bad_parameter_and_helpers.py"}


def _copy(path: Path, folder: Path) -> Path:
    copy = folder / path.name
    copy.write_text(without_expectations(path.read_text("utf-8")), "utf-8")
    (folder / "pyproject.toml").touch()
    return copy


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_fixture_is_repaired(path: Path, tmp_path: Path) -> None:
    copy = _copy(path, tmp_path)
    golden = path.with_name(path.name.replace("bad_", "fixed_", 1))
    left = fix([copy], Settings(unsafe_fixes=True)).report.findings
    if golden.exists():
        assert copy.read_text("utf-8") == golden.read_text("utf-8")
    assert all(finding.fix_refused for finding in left)
    if path.name not in LEFT:
        assert [f"{finding.span.line} {finding.code} {finding.fix_refused}" for finding in left] == []
    again = copy.read_bytes()
    fix([copy], Settings(unsafe_fixes=True))
    assert copy.read_bytes() == again


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_repaired_fixture_is_cured_with_the_same_results(path: Path, tmp_path: Path) -> None:
    if lacking := missing(path):
        pytest.skip(f"needs {', '.join(lacking)}")
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    copy = _copy(path, tmp_path)
    with running(Fixture(copy, copy.stem, tmp_path), tmp_path / "before") as (module, oracle):
        module.witness(oracle)
        results = oracle.results
    fix([copy], Settings(unsafe_fixes=True))
    if check([copy], Settings()).findings:
        pytest.skip("not all of it can be repaired")
    with running(Fixture(copy, copy.stem, tmp_path), tmp_path / "after", cured=True) as (module, oracle):
        module.witness(oracle)
        assert oracle.results == results
