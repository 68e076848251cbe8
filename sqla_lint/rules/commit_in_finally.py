"""A commit in a finally block.

What it does
    Reports ``commit()`` that stands in a ``finally`` block and runs whatever happened in the body.

Why it is bad
    After a failed body it commits the half of the work that was done before the error, or raises
    ``PendingRollbackError`` over the error that mattered.

Bad
    def restock(session: Session, number, count):
        try:
            item = session.get(Item, number)
            item.stock += count
        finally:
            session.commit()

Good
    def restock(session: Session, number, count):
        item = session.get(Item, number)
        item.stock += count
        session.commit()

Fix
    Commit as the last statement of the body, and roll back where it fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.facts import Called, Created, Facts
from sqla_lint.flow.world import World
from sqla_lint.rules.verdict import Verdict

CODE = "SES203"
NAME = "commit-in-finally"
SEVERITY = "error"
SUPERSEDES = ("SES202",)


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each call that commits in a ``finally``, unconditionally, a session that was there before."""
    told: set[object] = set()
    own = {e.sid for e in facts.events if isinstance(e, Created) and e.in_finally}
    for event in facts.events:
        if not (isinstance(event, Called) and event.name == "commit" and event.in_finally):
            continue
        if any(not guard.left for guard in event.guards) or event.sid in own or event.pos in told:
            continue
        told.add(event.pos)
        name = facts.name_of(event.sid)
        message = (
            f"{name}.commit() in finally commits the half-done work of a failed body, or hides its error behind "
            "PendingRollbackError; commit at the end of the body"
        )
        yield Verdict(event.pos, message, subject=(event.sid, event.pos))
