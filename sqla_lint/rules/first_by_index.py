"""All rows are loaded for the first of them.

What it does
    Reports ``[0]`` of all rows of a query: ``query.all()[0]``, of ``list(query)`` and ``.fetchall()``, and of a
    variable that is used for nothing but ``[0]`` (and whether it is empty).

Why it is bad
    Every row is sent, and an object is built of each, to keep one.

Bad
    def oldest(session: Session):
        return session.query(Owner).order_by(Owner.id).all()[0]

Good
    def oldest(session: Session):
        return session.query(Owner).order_by(Owner.id).first()

Fix
    first: ``.first()``, with ``.limit(1)`` on a ``select``. It is unsafe: where there is no row it gives None
    instead of raising ``IndexError``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.reading.fetches import fetches
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES405"
NAME = "first-by-index"
SEVERITY = "warning"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each list of rows of which only the first is wanted, at its first subscript."""
    told = set()
    for fetch in fetches(facts):
        item = fetch.used_only("first")
        if item is None or item.pos in told:
            continue
        told.add(item.pos)
        what = f"{fetch.name} holds all rows" if fetch.name is not None else "all rows are loaded"
        message = (
            f"{what} for the first alone; ask for it: .first(), with .limit(1) on a select (None if there is none)"
        )
        notes = (Note(fetch.call.pos, "loaded here"),) if fetch.name is not None else ()
        yield Verdict(item.pos, message, notes, subject=fetch.call.pos)
