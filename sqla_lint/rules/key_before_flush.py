"""A primary key is read before the flush that makes it.

What it does
    Reports the read of a generated primary key (autoincrement, ``Identity``, ``Sequence``, a default) of an instance
    that this function built, where nothing has flushed yet.

Why it is bad
    ``session.add()`` sends nothing: the key is ``None`` until a flush, and goes as ``None`` into whatever it is used
    for.

Bad
    def add_book(title):
        with Session() as session:
            book = Book(title=title)
            session.add(book)
            session.add(Item(price=book.id))
            session.commit()

Good
    def add_book(title):
        with Session() as session:
            book = Book(title=title)
            session.add(book)
            session.flush()
            session.add(Item(price=book.id))
            session.commit()

Fix
    Call ``flush()`` before the key is read, or set the relationship instead of the key.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import KeyRead
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES206"
NAME = "key-before-flush"
SEVERITY = "error"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each place that reads such a key."""
    told: set[object] = set()
    for event in facts.events:
        if isinstance(event, KeyRead) and event.pos not in told:
            told.add(event.pos)
            message = (
                f"{event.text}.{event.attribute} is None here: nothing has flushed since {event.text} was made; "
                "call flush() first, or set the relationship instead"
            )
            yield Verdict(event.pos, message, (Note(event.instance[1], "made here"),), subject=event.instance)
