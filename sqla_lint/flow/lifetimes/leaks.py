"""Ways out that leave a session or connection open, and the calls that close it:
what several rules ask of the facts.
"""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Closing, Created, Exit, Rebound, Reopened
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.state import CLOSED, GONE, OPEN
from sqla_lint.lower.nodes import Pos


class Leak(NamedTuple):
    """How a session is left open: *path* tells the way in words, *pos* where it ends;
    *active* if a connection stays checked out.
    """

    path: str
    pos: Pos | None
    active: bool


def leak(facts: Facts, created: Created) -> Leak | None:
    """The way out that leaves a session open, the plainest one if there are several; None if there is none."""
    ways = [e for e in facts.events if isinstance(e, Exit) and e.sid == created.sid and _is_open(e)]
    rebound = [e for e in facts.events if isinstance(e, Rebound) and e.sid == created.sid]
    if not ways and not rebound or _is_handed_over(facts, created.sid, ways):
        return None
    if not ways:
        return Leak("is not closed before the loop opens the next one", None, rebound[0].state.active)
    way = min(ways, key=_rank)
    return Leak(_path(way, _is_closed_somewhere(facts, created.sid)), way.pos, way.state.active)


def _is_open(way: Exit) -> bool:
    """An open session that never ran a statement holds nothing, and is collected with the function's frame."""
    if way.how == "raise" and way.label == "thrown":
        return way.state.status == OPEN
    return way.state.status == OPEN and way.state.used


def _is_handed_over(facts: Facts, sid: Sid, ways: list[Exit]) -> bool:
    """Made for somebody else: where every return hands the session over,
    what raises before that is the factory's affair.
    """
    returns = [e.state.status for e in facts.events if isinstance(e, Exit) and e.sid == sid and e.how != "raise"]
    return all(way.how == "raise" for way in ways) and GONE in returns and CLOSED not in returns


def _rank(way: Exit) -> tuple[bool, bool, tuple[int, ...]]:
    """Which way to tell of: returning before raising, with a connection before without, earlier before later."""
    return (way.how == "raise", not way.state.active, way.pos or (0,))


def _is_closed_somewhere(facts: Facts, sid: Sid) -> bool:
    return any(isinstance(e, Exit) and e.sid == sid and e.state.closed_at is not None for e in facts.events)


def _path(way: Exit, closes: bool) -> str:
    if way.how == "raise" and way.pos is not None:
        return f"is not closed when line {way.pos[0]} raises"
    if closes and way.pos is not None:
        return f"is not closed when the function returns at line {way.pos[0]}"
    return "is not closed on every way out" if closes else "is never closed"


def closing_calls(facts: Facts, sid: Sid) -> list[Pos]:
    """The calls that each end a session on a way out of their own, in source order; none where a ``finally`` closes it.

    A close after which the session is used again is a reset, not an end.
    """
    closings = [e for e in facts.events if isinstance(e, Closing) and e.sid == sid]
    if any(e.in_finally for e in closings):
        return []
    resets = {e.closed_at for e in facts.events if isinstance(e, Reopened) and e.sid == sid}
    calls = {e.pos for e in closings} - resets
    ends = (
        e.state.closed_at for e in facts.events if isinstance(e, Exit) and e.sid == sid and e.state.status == CLOSED
    )
    return sorted({end for end in ends if end is not None and end in calls})
