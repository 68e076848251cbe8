"""A session that its owner can leave without closing.

What it does
    Follows every session that a function creates, and reports the creation where some way out of the function leaves it
    open: no close at all, an early return, a branch, or an exception between creation and close. A wrapper that opens
    its own session is owned and closed like one.

Why it is bad
    A session keeps its connection until its transaction ends or it is collected. Enough requests that leave one open,
    and the pool is exhausted: everything after waits for a connection that nobody gives back.

Bad
    def titles():
        session = Session()
        rows = session.query(Book).all()
        return [row.title for row in rows]

Good
    def titles():
        with Session() as session:
            rows = session.query(Book).all()
            return [row.title for row in rows]

Fix
    context-manager: ``with Session() as session:`` over the statements that need it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes import leaks
from sqla_lint.flow.terms.events import Created
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES302"
NAME = "unclosed-session"
SEVERITY = "warning"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each session that some way out leaves open."""
    if world.roles.is_test_code(facts.function) or facts.function.qualname == "<module>":
        return
    for event in facts.events:
        # A session over a connection holds none of its own: whoever opened the connection closes it.
        if (
            isinstance(event, Created)
            and event.how != "scope"
            and facts.flavour(event.sid) not in ("bound", "connection", "final")
        ):
            verdict = _judge(facts, event)
            if verdict is not None:
                yield verdict


def _judge(facts: Facts, created: Created) -> Verdict | None:
    found = leaks.leak(facts, created)
    if found is None:
        return None
    held = "its connection stays checked out until it is collected"
    if not found.active:
        held = "only the session object is left (its transaction had ended)"
    message = f"{facts.name_of(created.sid)} {found.path}: {held}; open it in a with block"
    related = (Note(found.pos, "left open here"),) if found.pos is not None else ()
    return Verdict(created.pos, message, related, subject=created.sid)
