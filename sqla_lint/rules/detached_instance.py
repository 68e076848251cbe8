"""An instance leaves its session's scope and cannot be used any more.

What it does
    Reports instances that are returned or used after their session was closed, where a commit, a rollback or an expire
    emptied them and nothing loaded them again, or where a lazy relationship or a deferred column is read that was never
    loaded; also where a function or method that is called reads it.

Why it is bad
    The attribute has to be loaded, and there is no session to load it: ``DetachedInstanceError``, often far from here,
    and only on the path that committed.

Bad
    def add_book(title):
        with Session() as session:
            book = Book(title=title)
            session.add(book)
            session.commit()
            return book

Good
    def add_book(title):
        with Session(expire_on_commit=False) as session:
            book = Book(title=title)
            session.add(book)
            session.commit()
            return book

Fix
    Use the instance while the session is open, return plain data, ``refresh()`` it after the commit, load the
    relationship with the query, or make the session with ``expire_on_commit=False``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import Detached
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES303"
NAME = "detached-instance"
SEVERITY = "error"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each instance: at its first failing read, else at the ``return``."""
    uses: dict[object, list[Detached]] = {}
    for event in facts.events:
        if isinstance(event, Detached):
            uses.setdefault(event.instance, []).append(event)
    for instance, events in uses.items():
        reads = [event for event in events if event.how != "return"]
        yield _verdict(min(reads or events, key=lambda event: event.pos), instance)


def _verdict(use: Detached, instance: object) -> Verdict:
    notes = (Note(use.cause, "its attributes were expired here"),) if use.cause is not None else ()
    return Verdict(use.pos, f"{_what(use)}; {_cure(use)}", notes, subject=instance)


def _what(use: Detached) -> str:
    if use.how == "return":
        return f"the {use.text} returned here was expired at line {_line(use)} and its session is closed"
    if use.how == "call":
        return f"{use.text} reads {use.attribute} of an instance whose session is closed, and it {_lack(use)}"
    return f"{use.text}.{use.attribute} is read after its session was closed, and it {_lack(use)}"


def _lack(use: Detached) -> str:
    return f"was expired at line {_line(use)}" if use.cause is not None else "had not been loaded"


def _line(use: Detached) -> int:
    return use.cause[0] if use.cause is not None else use.pos[0]


def _cure(use: Detached) -> str:
    if use.cause is None:
        return "DetachedInstanceError; load it with the query, or read it inside the scope"
    return "DetachedInstanceError; refresh it before the close, return plain data, or set expire_on_commit=False"
