"""Generated programs that read rows in loops: fixed, they print the same and send fewer statements."""

from __future__ import annotations

import ast
import contextlib
import difflib
import io
from pathlib import Path
from typing import Any

import pytest
from flow.generate_rows import RowProgram, generate
from flow.observe_rows import _Forget, _rows
from sqlalchemy import create_engine, event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from sqla_lint import Settings, check, fix

BLOCKS = [pytest.param(range(40), id="quick")] + [
    pytest.param(range(start, start + 100), id=str(start), marks=pytest.mark.slow) for start in (2000, 2100, 2200)
]


def run(text: str, size: int) -> tuple[str, int]:
    """What ``f`` prints where each collection has *size* rows, and how many statements it sends.

    The session forgets all rows before each query: what an earlier one has loaded would hide what this one loads.
    """
    module: dict[str, Any] = {"__name__": "program"}
    tree = ast.fix_missing_locations(_Forget().visit(ast.parse(text)))
    exec(compile(tree, "<program>", "exec", dont_inherit=True), module)
    engine = create_engine("sqlite://", poolclass=StaticPool)
    module["Base"].metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(_rows(module, size))
        session.commit()
    sent: list[str] = []
    printed = io.StringIO()
    with Session(engine) as session, contextlib.redirect_stdout(printed):
        event.listen(engine, "before_cursor_execute", lambda *event: sent.append(event[2]))
        module["f"](session)
    engine.dispose()
    module["Base"].registry.dispose()
    return printed.getvalue(), len(sent)


def changed_lines(before: str, after: str) -> list[str]:
    """The lines of *before* that *after* does not have."""
    return [line[2:] for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")]


def differences(program: RowProgram, folder: Path) -> str | None:
    """Why a program's fix is wrong; None where it is right, or where there is nothing to fix."""
    path = folder / f"program_{program.seed}.py"
    path.write_text(program.text, "utf-8")
    found = [finding for finding in check([path], Settings()).findings if finding.code == "SES401"]
    outcome = fix([path], Settings(select=("SES401",)))
    after = path.read_text("utf-8")
    if any("session." not in line and ".options(" not in line for line in changed_lines(program.text, after)):
        return "a line without a query was changed"
    left = [finding for finding in outcome.report.findings if finding.fix_refused is None]
    if left:
        return f"left: {left[0].message}"
    if not found:
        return None
    try:
        printed, sent = run(program.text, 4)
    except InvalidRequestError:  # options that contradict each other from the start
        return None
    printed_after, sent_after = run(after, 4)
    if printed_after != printed:
        return "it prints something else"
    # Where a path comes back to a class that it came from, the mapping's own eager loading stops, unseen by the rule.
    refused = any(finding.fix_refused for finding in found) or program.cyclic
    return None if sent_after < sent + refused else f"{sent} statements before, {sent_after} after"


@pytest.mark.parametrize("seeds", BLOCKS)
def test_fixed_programs_mean_the_same(seeds: range, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    wrong = {}
    for seed in seeds:
        program = generate(seed)
        reason = differences(program, tmp_path)
        if reason is not None:
            wrong[seed] = reason
    assert wrong == {}
