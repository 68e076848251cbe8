"""A synchronous session in a coroutine.

What it does
    Reports the first call in an ``async def`` that makes a synchronous session (or registry) wait for the database: a
    statement, a query, ``commit``, ``flush``, ``refresh``, or the end of a ``with factory.begin()`` block.

Why it is bad
    The event loop waits for the database as well: no other request or task runs until the answer is there.

Bad
    async def titles(session: Session):
        return session.scalars(select(Book.title)).all()

Good
    async def titles(session: AsyncSession):
        return (await session.scalars(select(Book.title))).all()

Fix
    An ``AsyncSession``; or a plain ``def``, run in a thread (``asyncio.to_thread``, a route without ``async``).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes.awaited import sessions as awaited_sessions
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Ran
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES105"
NAME = "blocking-session-in-async"
SEVERITY = "warning"

# A connection is no session; of one that only the configuration names, it is not known whether it waits.
_OTHER = frozenset({"connection", "managed"})


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each coroutine, at the first call that blocks."""
    if not facts.function.node.is_async:
        return
    awaited = awaited_sessions(facts)
    ran = [e for e in facts.events if isinstance(e, Ran) and _blocks(facts, e.sid) and e.sid not in awaited]
    direct = sorted((e for e in ran if e.name != "block-end"), key=lambda e: e.pos)
    blocks = sorted((e for e in ran if e.name == "block-end"), key=lambda e: e.pos)
    if not direct and not blocks:
        return
    first = (direct or blocks)[0]
    name = facts.name_of(first.sid)
    what = "the end of this block commits" if not direct else f"{name} waits for the database here"
    message = (
        f"{what}, and the event loop with it: {facts.function.node.name} is asynchronous and {name} is not; "
        "use an AsyncSession, or run the work in a thread"
    )
    also = tuple(Note(e.pos, "and here") for e in direct[1:4])
    where = first.pos if direct else _with_of(facts, first.pos)
    yield Verdict(where, message, also, head=not direct, subject=first.sid)


def _with_of(facts: Facts, item: Pos) -> Pos:
    """The ``with`` statement that has an item at *item*."""
    withs = (s for s in statements(facts.function.node.body) if isinstance(s, n.With))
    return next((s.pos for s in withs if any(i.context.pos == item for i in s.items)), item)


def _blocks(facts: Facts, sid: Sid) -> bool:
    session = facts.sessions.get(sid)
    return session is not None and not session.settings.is_async and session.settings.flavour not in _OTHER
