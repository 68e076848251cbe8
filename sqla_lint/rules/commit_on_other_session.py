"""The session that is committed is not the one whose instances were changed.

What it does
    Reports the commit of a session where instances of another session were changed before, and that other session,
    opened by the same function, is never committed.

Why it is bad
    A change belongs to the session that holds the instance. That session closes without a commit: the change is lost,
    without an error.

Bad
    def rename(key, title):
        with Session() as reading, Session() as writing:
            book = reading.get(Book, key)
            book.title = title
            writing.commit()

Good
    def rename(key, title):
        with Session() as session:
            book = session.get(Book, key)
            book.title = title
            session.commit()

Fix
    Commit the session that the instance came from, or ``merge()`` the instance into the one that is committed.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import Exit, OtherCommit
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES211"
NAME = "commit-on-other-session"
SEVERITY = "error"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each commit, for the first other session that it leaves out."""
    told: set[object] = set()
    for event in facts.events:
        if isinstance(event, OtherCommit) and event.pos not in told and _is_lost(facts, event):
            told.add(event.pos)
            name, other = facts.name_of(event.sid), facts.name_of(event.other)
            message = (
                f"{name} is committed, but what was changed at line {event.changed[0]} belongs to {other}, which is "
                f"never committed: the change is lost; commit {other}, or merge the instance into {name}"
            )
            yield Verdict(event.pos, message, (Note(event.changed, "changed here"),), subject=event.other)


def _is_lost(facts: Facts, event: OtherCommit) -> bool:
    """Whether no way through the function commits the other session, or hands it to who may."""
    ways = [e.state for e in facts.events if isinstance(e, Exit) and e.sid == event.other]
    settings = facts.sessions[event.other].settings if event.other in facts.sessions else None
    if settings is None or settings.autocommit or settings.flavour == "bound":
        return False
    quiet = [e.state for e in facts.events if isinstance(e, Exit) and e.sid == event.other and e.how != "raise"]
    if quiet and all("rollback" in way.ended for way in quiet):
        return False
    return not any(way.status == "gone" or way.ended & {"commit", "may-commit", "keeps"} for way in ways)
