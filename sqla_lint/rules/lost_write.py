"""Work that nobody commits.

What it does
    Reports a session that a function opens and writes through (``add``, ``delete``, ``flush``, an ``insert`` statement,
    ...) where no way through the function commits before it closes.

Why it is bad
    Closing a session rolls its transaction back: everything that was written is gone, without an error.

Bad
    def add_book(title):
        with Session() as session:
            session.add(Book(title=title))

Good
    def add_book(title):
        with Session.begin() as session:
            session.add(Book(title=title))

Fix
    Commit at the end of the scope, or open it with ``begin()``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import Called, Created, Exit
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.state import SessionState
from sqla_lint.rules.verdict import Verdict

CODE = "SES205"
NAME = "lost-write"
SEVERITY = "error"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each session whose writes no way commits."""
    if world.roles.is_test_code(facts.function) or facts.function.qualname == "<module>":
        return
    for event in facts.events:
        if isinstance(event, Created) and event.how != "connected" and _is_lost(facts, event):
            name = facts.name_of(event.sid)
            message = (
                f"what is written through {name} is never committed: closing it rolls everything back; "
                "commit it, or use begin()"
            )
            yield Verdict(event.pos, message, subject=event.sid)


def _is_lost(facts: Facts, created: Created) -> bool:
    session = facts.sessions.get(created.sid)
    if session is None or session.settings.autocommit or session.settings.flavour == "bound":
        return False
    ways = [e.state for e in facts.events if isinstance(e, Exit) and e.sid == created.sid]
    returns = [e.state for e in facts.events if isinstance(e, Exit) and e.sid == created.sid and e.how != "raise"]
    if any(way.status == "gone" or way.ended & {"commit", "may-commit"} for way in ways):
        return False
    others = [e for e in facts.events if isinstance(e, Called) and e.name == "commit" and e.sid != created.sid]
    if others:
        # Another session is committed in its place: that is another misuse, told where it is.
        return False
    return any("write" in way.ended and "rollback" not in way.ended for way in returns) and not _is_dry_run(
        facts, created, returns
    )


def _is_dry_run(facts: Facts, created: Created, returns: list[SessionState]) -> bool:
    """Whether the function rolls back of its own will: not only in handlers, where something has failed."""
    calls = [e for e in facts.events if isinstance(e, Called) and e.sid == created.sid and e.name == "rollback"]
    in_handlers = calls and all(any(guard.test is None for guard in call.guards) for call in calls)
    return not in_handlers and any("rollback" in way.ended for way in returns)
