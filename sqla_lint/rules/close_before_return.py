"""A session is closed by a call of its own at each way out.

What it does
    Reports a session (or a wrapper that holds one) that two or more calls close, each on another way out of the
    function: before each ``return``, in ``try`` and again in its handlers, in a loop and again after it.

Why it is bad
    The next ``return`` that somebody adds forgets it, and no exception in between is covered: each leaves a connection
    behind.

Bad
    def price(number):
        session = Session()
        item = session.get(Item, number)
        if item is None:
            session.close()
            return None
        found = item.price
        session.close()
        return found

Good
    def price(number):
        with Session() as session:
            item = session.get(Item, number)
            return item.price if item is not None else None

Fix
    context-manager: one ``with``; all the calls go.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes import leaks
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Closing
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES301"
NAME = "close-before-return"
SEVERITY = "warning"
SUPERSEDES = ("SES302",)


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each session with a close of its own at two ways out or more."""
    for sid in dict.fromkeys(e.sid for e in facts.events if isinstance(e, Closing)):
        verdict = _judge(facts, sid)
        if (
            verdict is not None
            and facts.flavour(sid) != "connection"
            and not world.is_removed_elsewhere(sid, facts.function)
        ):
            yield verdict


def _judge(facts: Facts, sid: Sid) -> Verdict | None:
    places = leaks.closing_calls(facts, sid)
    if len(places) < 2:
        return None
    lines = ", ".join(str(place[0]) for place in places)
    message = (
        f"{facts.name_of(sid)} is closed by a call of its own at each way out (lines {lines}): close it once, with a "
        "with block"
    )
    return Verdict(places[0], message, tuple(Note(p, "closed again here") for p in places[1:]), subject=sid)
