"""Generated programs over one session, repaired and run: the same on every path, or only the misuse cured."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from flow.decisions import Database, Item
from flow.generate import CLOSING, Program, generate
from flow.observe import Runner, database
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sqla_lint import Settings, fix
from sqla_lint.finding import Finding

CODES = ("SES201", "SES301", "SES302")
PATHS = 40
BLOCKS = [pytest.param((range(40), range(CLOSING, CLOSING + 20)), id="quick")] + [
    pytest.param((range(start, start + 200), range(CLOSING + start, CLOSING + start + 60)), id=str(start), marks=pytest.mark.slow)
    for start in (1000, 1200, 1400)
]  # fmt: skip

_ADDED = re.compile(r"pass$|with |.*\.rollback\(\)$|try:$|async with ")
_REMOVED = re.compile(
    r"with suppress|.*\.(close|commit|rollback)\(\)$|session = |try:$|except|finally:$|raise$|pass$|if |else:$|own = |return"
)


class Way(NamedTuple):
    """What one path through a program showed."""

    raised: type[Exception] | None
    rows: int
    blamed: int
    unclosed: int
    decided: tuple[int, ...]


class Repaired(NamedTuple):
    """A program's text before and after, what was fixed and what is left."""

    program: Program
    text: str
    fixed: tuple[Finding, ...]
    left: tuple[Finding, ...]

    @property
    def is_safe(self) -> bool:
        return all(finding.fix is not None and finding.fix.applicability == "safe" for finding in self.fixed)


@pytest.fixture(scope="module")
def running() -> Iterator[Database]:
    with warnings.catch_warnings(), database() as opened:
        warnings.simplefilter("ignore")
        yield opened


def way(runner: Runner, given: tuple[int, ...]) -> tuple[Way, tuple[int, ...] | None]:
    """One run, and the decisions of the next; None in place of the run's where the program ends what it did not begin."""
    before = _rows(runner.database)
    run, _ = runner.run(given)
    unclosed = sum(1 for one in run.sessions if one.made is not None and not one.closed)
    seen = Way(run.raised, _rows(runner.database) - before, len(run.blamed), unclosed, tuple(run.choices.taken))
    return seen._replace(decided=()) if run.discarded else seen, run.choices.following()


def _rows(opened: Database) -> int:
    with Session(opened.engine) as session:
        found = session.scalar(select(func.count()).select_from(Item)) or 0
    opened.watch.statements.clear()
    return found


def repaired(seed: int, folder: Path) -> Repaired:
    program = generate(seed)
    path = folder / f"program_{seed}.py"
    path.write_bytes(program.text.encode())
    settings = Settings(select=CODES, unsafe_fixes=True)
    outcome = fix([path], settings)
    assert not outcome.report.errors
    text = path.read_bytes().decode()
    path.unlink()
    return Repaired(program, text, tuple(outcome.fixed), outcome.report.findings)


def differs(one: Repaired, running: Database) -> str | None:
    """Why a repair is wrong; None where it is right."""
    if (reason := _lines_differ(one)) is not None:
        return reason
    before = Runner(one.program, running, "alike")
    after = Runner(one.program._replace(text=one.text), running, "alike")
    # Which errors are tried is read from the text: both are to have the same.
    after.errors = before.errors
    given: tuple[int, ...] | None = ()
    for _ in range(PATHS):
        if given is None:
            break
        seen, following = way(before, given)
        if seen.decided:
            cured, _ = way(after, seen.decided)
            reason = _runs_differ(seen, cured, one)
            if reason is not None:
                return f"{reason} on {given}: {seen} {cured}"
        given = following
    return None


def _runs_differ(seen: Way, cured: Way, one: Repaired) -> str | None:
    if cured.unclosed > seen.unclosed:
        return "a session is left open that was closed"
    if cured.blamed > seen.blamed:
        return "a failure is swallowed that was not"
    if seen.blamed:
        return "it raises what it did not raise" if cured.raised and not seen.raised else None
    if cured.raised is not seen.raised:
        return "it ends otherwise"
    if one.is_safe and cured.rows != seen.rows:
        return "it writes other rows"
    return None


def _lines_differ(one: Repaired) -> str | None:
    """Lines that were changed though no fix has to: all that is outside of the function, and other statements in it."""
    start = one.program.text.index("def f(")
    if one.text[:start] != one.program.text[:start]:
        return "lines outside of the function were changed"
    if not one.text.endswith("\n") or "\r" in one.text:
        return "line ends were changed"
    before = Counter(line.strip() for line in one.program.text[start:].splitlines())
    after = Counter(line.strip() for line in one.text[start:].splitlines())
    added = [line for line in after - before if not _ADDED.match(line)]
    removed = [line for line in before - after if not _REMOVED.match(line)]
    return f"other statements were changed: {added} {removed}" if added or removed else None


@pytest.mark.parametrize("seeds", BLOCKS)
def test_repaired_programs_mean_the_same(seeds: tuple[range, range], running: Database, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    wrong: dict[int, str] = {}
    fixed: Counter[str] = Counter()
    for seed in (*seeds[0], *seeds[1]):
        one = repaired(seed, tmp_path)
        fixed.update(finding.code for finding in one.fixed)
        if not one.fixed:
            assert one.text == one.program.text
        elif (reason := differs(one, running)) is not None:
            wrong[seed] = reason
    assert wrong == {}
    assert set(fixed) == set(CODES) or sum(fixed.values()) > 10
