"""Both front ends agree on real files: this repository's, and a sample of what is installed beside it."""

from __future__ import annotations

import re
import sysconfig
import tokenize
from pathlib import Path

import pytest

from lower.agreement import difference, from_ast, lines_of, positions, statements, unconfirmed
from sqla_lint.lower import nodes as n
from sqla_lint.lower.confirm import Unconfirmed, lower_text
from sqla_lint.lower.heads import head_end

ROOT = Path(__file__).parents[2]
OWN = sorted(path for name in ("sqla_lint", "tests", "fixtures") for path in (ROOT / name).rglob("*.py"))
INSTALLED = sorted(Path(sysconfig.get_path("purelib")).rglob("*.py"))
SAMPLE = 150
TOO_DEEP = re.compile(r"nests? (too|about)")


def _text(path: Path) -> str | None:
    try:
        with tokenize.open(path) as file:
            text = file.read()
        from_ast(text)
    except (SyntaxError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    return text


def _disagreements(path: Path) -> list[str]:
    text = _text(path)
    lowered = lower_text(text or "")
    if text is None or (isinstance(lowered, Unconfirmed) and path not in OWN):
        # Not all that is installed is for this interpreter, and libcst does not read all that Python reads.
        return []
    found = difference(from_ast(text), lowered)
    alone = [reason for reason in unconfirmed(text, (n.FunctionDef, n.Assign)) if not TOO_DEEP.search(reason)]
    return [f"{path}: {reason}" for reason in ([found] if found else []) + alone]


def _all_disagreements(paths: list[Path]) -> list[str]:
    return [item for path in paths for item in _disagreements(path)]


def _heads(path: Path) -> list[str]:
    text = _text(path) or ""
    lines = lines_of(text)
    found = []
    for statement in statements(from_ast(text).body):
        if isinstance(statement, (n.FunctionDef, n.With)) and statement.body:
            end = head_end(lines, statement.pos)
            first = statement.body[0]
            decorators = getattr(first, "decorators", ())
            body = (decorators[0] if decorators else first).pos[:2]
            if not end <= body or any(end < pos[2:] for pos in positions(statement)):
                found.append(f"{path}: the head at {statement.pos[:2]} ends at {end}")
    return found


def test_own_files() -> None:
    assert len(OWN) > 20
    assert _all_disagreements(OWN) == []


def test_a_sample_of_installed_files() -> None:
    sample = [path for path in INSTALLED if path.stat().st_size < 40_000]
    sample = sample[:: max(1, len(sample) // SAMPLE)]
    assert len(sample) >= SAMPLE // 2
    assert sum(isinstance(lower_text(_text(path) or "="), n.Module) for path in sample) > 0.9 * len(sample)
    assert _all_disagreements(sample) == []
    assert [item for path in sample for item in _heads(path)] == []


@pytest.mark.slow
def test_all_installed_files() -> None:
    assert _all_disagreements(INSTALLED) == []
    assert [item for path in INSTALLED for item in _heads(path)] == []
