"""A connection that its owner can leave without closing.

What it does
    Follows every connection that a function takes from an engine (``connect()``, ``raw_connection()``), and reports it
    where some way out leaves it open, or where calls of their own close it at several ways out.

Why it is bad
    A connection is checked out of the pool from the moment it is made. Ending its transaction or closing a cursor or a
    session over it does not give it back.

Bad
    def count_books():
        connection = engine.connect()
        return connection.execute(text("SELECT count(*) FROM books")).scalar()

Good
    def count_books():
        with engine.connect() as connection:
            return connection.execute(text("SELECT count(*) FROM books")).scalar()

Fix
    ``with engine.connect() as connection:`` over the statements that need it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes import leaks
from sqla_lint.flow.terms.events import Created
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES304"
NAME = "unclosed-connection"
SEVERITY = "warning"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each connection that is left open, or closed by a call at each way out."""
    if world.roles.is_test_code(facts.function) or facts.function.qualname == "<module>":
        return
    for event in facts.events:
        if isinstance(event, Created) and event.how == "connected":
            verdict = _judge(facts, event)
            if verdict is not None:
                yield verdict


def _judge(facts: Facts, created: Created) -> Verdict | None:
    name = facts.names.get(created.sid, "the connection")
    found = leaks.leak(facts, created)
    if found is not None:
        related = (Note(found.pos, "left open here"),) if found.pos is not None else ()
        message = f"{name} {found.path}: it stays checked out of the pool; open it in a with block"
        return Verdict(created.pos, message, related, subject=created.sid)
    places = leaks.closing_calls(facts, created.sid)
    if len(places) < 2:
        return None
    lines = ", ".join(str(place[0]) for place in places)
    message = f"{name} is closed by a call of its own at each way out (lines {lines}): close it once, with a with block"
    return Verdict(created.pos, message, tuple(Note(p, "closed here") for p in places), subject=created.sid)
