"""What SES401 and SES402 say of generated programs is what counting their statements shows."""

from __future__ import annotations

import re
import warnings

import pytest
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm.exc import DetachedInstanceError

from flow.compare import verdicts
from flow.generate_rows import RowProgram, generate
from flow.observe_rows import per_row
from flow.row_forms import HEAD
from sqla_lint.flow.solver import solve

BLOCKS = [pytest.param(range(60), id="quick")] + [
    pytest.param(range(start, start + 200), id=f"{start}", marks=pytest.mark.slow) for start in range(1000, 3400, 200)
]

# Where report and counts may part, and why.
POLICIES = {
    "apart": "two queries are taken to give different rows: what the first has loaded is not there in the second's",
    "kept": "rows seen before in the function are taken to be held still, and to be the parents of those that come after",
    "conditional": "a read under a condition counts as one for each row, and the path as loaded in a later loop over the same rows",
    "ways": "more ways lead to a place than are kept apart: what the further ones have loaded is not known",
    "one": "a single row that was read before may be the parent of the rows that a relationship of others leads to",
    "pairs": "of two entities selected side by side, one may be the row that a relationship of the other leads to: two names for it",
    "returns": "an option that leads back to the rows' class brings the same rows as the mapping loads them, whatever another option says",
    "wildcard": "a wildcard is taken to go on beyond what another option leaves lazy",
    "cyclic": "a path that comes back to a class it came from: the mapping's own eager loading stops there, which is not followed",
}


_ONE_ROW = re.compile(r"session\.get\(|\.first\(\)|rows\d+\[0\]")


def differences(program: RowProgram) -> list[tuple[str, int, str]]:
    """(missed or false alarm, line, policy): each line of which report and counts disagree."""
    shown = per_row(program)
    said = _said(program)
    if said == shown:
        return []
    if _said(program, ways=500) == shown:
        return [("other", line, "ways") for line in sorted(shown ^ said)]
    missed, alarms = shown - said, said - shown
    apart = _apart(program, said)
    kept = per_row(program, kept=True)
    found = [("missed", line, "kept" if line not in kept else _missed(program)) for line in sorted(missed)]
    return [*found, *(("false alarm", line, "apart" if line in apart else _alarm(program)) for line in sorted(alarms))]


def _apart(program: RowProgram, said: set[int]) -> set[int]:
    """The lines from which more statements come where each query gives other rows; whatever is said where rows of an
    earlier query are read after that, for they are in no session then.
    """
    try:
        return per_row(program, apart=True)
    except DetachedInstanceError:
        return said


def _said(program: RowProgram, ways: int = solve.MAX_STATES) -> set[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solve, "MAX_STATES", ways)
        return {j.verdict.pos[0] for j in verdicts(program.text)[0] if j.rule.code in ("SES401", "SES402")}


def _missed(program: RowProgram) -> str:
    if "% 2:" in program.text and program.text.count("for ") > 1:
        return "conditional"
    if _ONE_ROW.search(program.text) and program.text.count("session.") > 1:
        return "one"
    if '"*"' in program.text and "lazyload(" in program.text:
        return "wildcard"
    return "pairs" if program.pairs else _cyclic(program)


def _alarm(program: RowProgram) -> str:
    if program.returns and "lazyload(" in program.text:
        return "returns"
    return "pairs" if program.pairs else _cyclic(program)


def _cyclic(program: RowProgram) -> str:
    return "cyclic" if program.cyclic else ""


def _numbered(program: RowProgram) -> str:
    return "\n".join(
        f"{number:3} {line}"
        for number, line in enumerate(program.text.splitlines(), 1)
        if "relationship(" in line or number > HEAD.count("\n")
    )


TWO_LOOPS = """\
def f(session: Session):
    for author in session.query(Author).all():
        for book in author.books:
            len(book.reviews)
        for book in author.books:
            len(book.reviews)
"""


TAKEN = TWO_LOOPS.replace("for author in", "left =").replace(
    ".all():", ".all()\n    while left:\n        author = left.pop()"
)


@pytest.mark.parametrize("body", [TWO_LOOPS, TAKEN])
def test_two_loops_inside_a_loop(body: str) -> None:
    more = body.count("\n") - TWO_LOOPS.count("\n")
    head = re.sub(r"\{(\w*)\}", "", re.sub(r"\{\w+\.\w+\}", "'a'", HEAD.replace("{hash}", "books")))
    start = head.count("\n")
    assert per_row(RowProgram(0, head + body)) == {start + more + 3, start + more + 4}
    assert {judged.verdict.pos[0] - start - more for judged in verdicts(head + body)[0]} == {3, 4}


@pytest.mark.parametrize("seeds", BLOCKS)
def test_report_and_counts_agree(seeds: range) -> None:
    wrong: list[str] = []
    policies = compared = 0
    for seed in seeds:
        program = generate(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = differences(program)
            except InvalidRequestError:
                continue  # two options of one query contradict each other
        compared += 1
        policies += any(why for _, _, why in found)
        wrong += [f"--- seed {seed}: {what}, line {line}\n{_numbered(program)}" for what, line, why in found if not why]
    assert not wrong, "\n".join(wrong[:3])
    assert compared * 10 > len(seeds) * 7
    assert policies * 6 < compared
