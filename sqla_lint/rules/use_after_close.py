"""A session is used after it was closed.

What it does
    Reports the first statement that runs on a session after its ``close()``, after its ``with`` block, or on a session
    that ``next(get_db())`` took from a generator that nothing holds, where it is not closed again afterwards.

Why it is bad
    SQLAlchemy opens a new transaction without a word. Nobody will close it: its connection stays checked out.

Bad
    def titles():
        with Session() as session:
            count = session.query(Book).count()
        return count, [book.title for book in session.query(Book)]

Good
    def titles():
        with Session() as session:
            count = session.query(Book).count()
            return count, [book.title for book in session.query(Book)]

Fix
    Move the statement into the scope, or open another session for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import Created, Exit, Outlived
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES305"
NAME = "use-after-close"
SEVERITY = "error"
SUPERSEDES = ("SES302", "SES205")


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each session that a use after its close leaves open."""
    if facts.function.qualname == "<module>":
        return
    for late in facts.events:
        if isinstance(late, Outlived) and late.how == "closure":
            name = facts.name_of(late.sid)
            message = (
                f"{name} is closed when the function that is returned uses it: "
                "this opens a connection that nobody closes"
            )
            yield Verdict(late.pos, message, subject=late.sid)
    for event in facts.events:
        if isinstance(event, Created) and facts.flavour(event.sid) not in ("connection", "final"):
            # Where only an error leaves it open, it is closed too late: that is told of the session itself.
            exits = [e for e in facts.events if isinstance(e, Exit) and e.sid == event.sid and e.how != "raise"]
            ways = [e.state for e in exits if e.state.status == "open"]
            uses = sorted((way.reopened_at, way.closed_at) for way in ways if way.reopened_at and way.closed_at)
            if uses:
                use, closed = uses[0]
                name = facts.name_of(event.sid)
                message = (
                    f"{name} is used again after it was closed: this opens a "
                    "connection that nobody closes; do it inside the scope, or open another session"
                )
                yield Verdict(use, message, (Note(closed, "closed here"),), subject=event.sid)
