"""A coroutine of an asynchronous session that nobody awaits.

What it does
    Reports a call of an ``AsyncSession`` (or of an asynchronous registry) that stands as a statement of its own without
    ``await``: ``commit``, ``rollback``, ``flush``, ``close``, ``refresh``, ``delete``, ``execute``, ...

Why it is bad
    The call only makes a coroutine, which is dropped: nothing is committed, rolled back or closed. Python says no more
    than "was never awaited", and that at some later time.

Bad
    async def add_book(session: AsyncSession, title):
        session.add(Book(title=title))
        session.commit()

Good
    async def add_book(session: AsyncSession, title):
        session.add(Book(title=title))
        await session.commit()

Fix
    ``await`` it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import Called
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Verdict

CODE = "SES210"
NAME = "unawaited-session-call"
SEVERITY = "error"
# They take the call as made: what they would say of the session rests on something that never happens.
SUPERSEDES = ("SES201", "SES205", "SES302")

_NEVER = {
    "commit": "nothing is committed",
    "rollback": "nothing is rolled back",
    "flush": "nothing is flushed",
    "close": "it stays open",
    "aclose": "it stays open",
    "remove": "it stays open",
    "refresh": "nothing is loaded",
    "delete": "nothing is deleted",
    "begin": "no transaction begins",
}


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each call whose coroutine is dropped."""
    told: set[object] = set()
    for event in facts.events:
        if not (isinstance(event, Called) and event.bare and event.name in api.AWAITED and event.pos not in told):
            continue
        session = facts.sessions.get(event.sid)
        if session is None or not session.settings.is_async or session.settings.flavour == "connection":
            continue
        told.add(event.pos)
        call = f"{facts.name_of(event.sid)}.{event.name}()"
        message = f"{call} is not awaited: its coroutine is dropped and {_NEVER.get(event.name, 'it never runs')}; "
        yield Verdict(event.pos, f"{message}write await {call}", subject=event.sid)
