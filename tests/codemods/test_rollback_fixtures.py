"""Every bad fixture of the rule: rolled back, silent afterwards where all could be, and cured when it is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracle.expectations import without_expectations
from oracle.loading import Fixture, missing, running

from sqla_lint import Settings, check, fix

BAD = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "rules" / "missing-rollback").glob("bad_*.py"))
ALL = Settings(select=("SES201",), unsafe_fixes=True)
# Lines that stay: where the transaction ends inside the `try`, or in the handler of a block.
LEFT = {"bad_begin_block": 2, "bad_suppress": 1}


def _copy(path: Path, folder: Path) -> Path:
    copy = folder / path.name
    copy.write_text(without_expectations(path.read_text("utf-8")), "utf-8")
    (folder / "pyproject.toml").touch()
    return copy


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_fixture_is_repaired(path: Path, tmp_path: Path) -> None:
    copy = _copy(path, tmp_path)
    before = {finding.code for finding in check([copy], Settings()).findings}
    left = fix([copy], ALL).report.findings
    assert all(finding.fix_refused for finding in left)
    assert len(left) == LEFT.get(path.stem, 0)
    assert {finding.code for finding in check([copy], Settings()).findings} <= before
    again = copy.read_bytes()
    assert fix([copy], ALL).fixed == ()
    assert copy.read_bytes() == again


@pytest.mark.parametrize("path", [path for path in BAD if path.stem not in LEFT], ids=lambda path: path.stem)
def test_repaired_fixture_is_cured(path: Path, tmp_path: Path) -> None:
    if lacking := missing(path):
        pytest.skip(f"needs {', '.join(lacking)}")
    copy = _copy(path, tmp_path)
    fix([copy], ALL)
    with running(Fixture(copy, copy.stem, tmp_path), tmp_path, cured=True) as (module, oracle):
        module.witness(oracle)
