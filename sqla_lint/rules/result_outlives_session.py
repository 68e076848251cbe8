"""A result is read after its session has closed.

What it does
    Reports a lazy result (a query that has not run, a ``ScalarResult``, a ``Result``) that is returned out of the scope
    that closes its session, or read in the same function after that scope.

Why it is bad
    A query that runs after the close opens a new connection that nobody closes; a result that was not read through
    raises or comes out empty. Columns alone work by luck.

Bad
    def books():
        with Session() as session:
            return session.query(Book)

Good
    def books():
        with Session() as session:
            return session.query(Book).all()

Fix
    Read it inside the scope: ``.all()``, ``list(...)``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Exit, Outlived
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES306"
NAME = "result-outlives-session"
SEVERITY = "error"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each place where an unread result leaves its session behind."""
    if facts.function.qualname == "<module>":
        return
    told: set[object] = set()
    for event in facts.events:
        if not isinstance(event, Outlived) or event.how == "closure":
            continue
        if event.pos not in told and (event.how != "stored" or _closes(facts, event.sid)):
            told.add(event.pos)
            name = facts.name_of(event.sid)
            verb = {"return": "is returned unread, and", "stored": "is stored unread, and"}.get(
                event.how, "is read here, but"
            )
            message = (
                f"the result made at line {event.query[0]} {verb} {name} is closed by then: "
                "read it inside the scope (.all())"
            )
            yield Verdict(event.pos, message, (Note(event.query, "made here"),), subject=(event.sid, event.pos))


def _closes(facts: Facts, sid: Sid) -> bool:
    """Whether every way out has closed a session that was opened here."""
    ways = [e.state.status for e in facts.events if isinstance(e, Exit) and e.sid == sid]
    return sid.owner == "local" and bool(ways) and set(ways) == {"closed"}
