"""A query runs for each item of a loop.

What it does
    Reports a query that a loop runs with a value of its variable: ``session.get``, ``query(...)...first()``,
    ``execute(select(...))``, ``scalars``, ``scalar``, also in functions, methods and properties that the loop calls;
    queries on a ``lazy="dynamic"`` or write-only collection of each parent; ``awaitable_attrs`` and
    ``refresh(row, [...])`` for each row.

Why it is bad
    One query for the list, and one more for each item: a list of a thousand sends a thousand and one.

Bad
    def owners(session: Session, keys):
        return [session.get(Owner, key) for key in keys]

Good
    def owners(session: Session, keys):
        return session.scalars(select(Owner).where(Owner.id.in_(keys))).all()

Fix
    Ask once before the loop (``in_``, a join, an eager load) and look up the rows by key.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.loops.per_item import Repeated, repeated
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES402"
NAME = "query-in-loop"
SEVERITY = "warning"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each query, where its call chain in the loop begins."""
    for found in repeated(facts, world):
        yield Verdict(found.event.pos, _message(found), _notes(found), subject=(found.loop, found.event.pos[:2]))


def _message(found: Repeated) -> str:
    via = found.event.via
    what = (
        f"{found.text} runs a query"
        if via is None or via[0].endswith(found.text)
        else f"{found.text} asks the database"
    )
    of = " and ".join(found.names) if found.names else "the item"
    return (
        f"{what} with {of} in each round of the loop at line {found.loop[0]}: one query an item; ask once before "
        "the loop (in_(), a join, an eager load) and look the rows up"
    )


def _notes(found: Repeated) -> tuple[Note, ...]:
    via = found.event.via
    return (Note(via[1], f"the query, in {via[0]}()", via[2]),) if via is not None else ()
