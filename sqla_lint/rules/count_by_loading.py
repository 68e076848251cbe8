"""Rows are loaded only to be counted.

What it does
    Reports ``len`` of all rows of a query: ``len(query.all())``, ``len(session.scalars(...).all())``, of
    ``list(query)`` and ``.fetchall()``, and of a variable that is used for nothing but its length. Queries with a
    ``limit`` and tests are left alone.

Why it is bad
    The database can count; instead every row is sent, and an object is built of each, to be thrown away.

Bad
    def how_many(session: Session):
        return len(session.query(Owner).all())

Good
    def how_many(session: Session):
        return session.query(Owner).count()

Fix
    count: ``query.count()``, or ``session.scalar(select(func.count()).select_from(...))``. Refused over a join, where
    the two may differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.reading.fetches import fetches
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES404"
NAME = "count-by-loading"
SEVERITY = "warning"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each list of rows of which only the length is wanted, at its first ``len``."""
    if world.roles.is_test_code(facts.function):
        return
    told = set()
    for fetch in fetches(facts):
        length = fetch.used_only("len")
        if length is None or length.pos in told:
            continue
        told.add(length.pos)
        what = f"{fetch.name} holds all rows" if fetch.name is not None else "all rows are loaded"
        message = f"{what} only to be counted; let the database count: query.count(), or select(func.count())"
        notes = (Note(fetch.call.pos, "loaded here"),) if fetch.name is not None else ()
        yield Verdict(length.pos, message, notes, subject=fetch.call.pos)
