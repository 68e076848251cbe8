"""A session that its owner can leave without closing.

What it does
    Follows every session that a function creates, and reports the creation where some way out of the function leaves it open:
    no close at all, an early return, a branch, or an exception between creation and close. A wrapper that opens its own session
    is owned and closed like one.

Why it is bad
    A session keeps its connection until its transaction ends or it is collected. Enough requests that leave one open, and the
    pool is exhausted: everything after waits for a connection that nobody gives back.

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

from sqla_lint.flow.facts import Created, Exit, Facts, Rebound
from sqla_lint.flow.state import CLOSED, GONE, OPEN
from sqla_lint.flow.values import Sid
from sqla_lint.flow.world import World
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES302"
NAME = "unclosed-session"
SEVERITY = "warning"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each session that some way out leaves open."""
    if world.is_test_code(facts.function) or facts.function.qualname == "<module>":
        return
    for event in facts.events:
        if isinstance(event, Created) and event.how != "scope" and not _is_bound(facts, event.sid):
            verdict = _judge(facts, event)
            if verdict is not None:
                yield verdict


def _is_bound(facts: Facts, sid: Sid) -> bool:
    """A session over a connection holds none of its own: whoever opened the connection closes it."""
    session = facts.sessions.get(sid)
    return session is not None and session.settings.flavour == "bound"


def _judge(facts: Facts, created: Created) -> Verdict | None:
    ways = [e for e in facts.events if isinstance(e, Exit) and e.sid == created.sid and _leaks(e)]
    rebound = [e for e in facts.events if isinstance(e, Rebound) and e.sid == created.sid]
    if not ways and not rebound or _is_handed_over(facts, created.sid, ways):
        return None
    name = facts.name_of(created.sid)
    if not ways:
        held = _held(rebound[0].state.active)
        return Verdict(created.pos, f"{name} is not closed before the loop opens the next one: {held}", subject=created.sid)
    way = min(ways, key=_rank)
    closes = _is_closed_somewhere(facts, created.sid)
    message = f"{name} {_path(way, closes)}: {_held(way.state.active)}; open it in a with block"
    related = (Note(way.pos, "left open here"),) if way.pos is not None else ()
    return Verdict(created.pos, message, related, subject=created.sid)


def _leaks(way: Exit) -> bool:
    """An open session that never ran a statement holds nothing, and is collected with the function's frame."""
    if way.how == "raise" and way.label == "thrown":
        return way.state.status == OPEN
    return way.state.status == OPEN and way.state.used


def _is_handed_over(facts: Facts, sid: Sid, ways: list[Exit]) -> bool:
    """Made for somebody else: where every return hands the session over, what raises before that is the factory's affair."""
    returns = [e.state.status for e in facts.events if isinstance(e, Exit) and e.sid == sid and e.how != "raise"]
    return all(way.how == "raise" for way in ways) and GONE in returns and CLOSED not in returns


def _rank(way: Exit) -> tuple[int, tuple[int, ...]]:
    """Which way to tell of: returning without a close before raising without one, earlier before later."""
    order = {"return": 0, "end": 0, "raise": 1}
    return (order[way.how], way.pos or (0,))


def _is_closed_somewhere(facts: Facts, sid: Sid) -> bool:
    return any(isinstance(e, Exit) and e.sid == sid and e.state.closed_at is not None for e in facts.events)


def _path(way: Exit, closes: bool) -> str:
    if way.how == "raise" and way.pos is not None:
        return f"is not closed when line {way.pos[0]} raises"
    if closes and way.pos is not None:
        return f"is not closed when the function returns at line {way.pos[0]}"
    return "is not closed on every way out" if closes else "is never closed"


def _held(active: bool) -> str:
    if active:
        return "its connection stays checked out until it is collected"
    return "only the session object is left (its transaction had ended)"
