"""A commit in every round of a loop.

What it does
    Reports a ``commit()`` that runs in every round of a ``for`` over data, on a session that was made outside the loop;
    also where a function of the project that the loop calls is what commits.

Why it is bad
    Every row waits for the disk, and every commit expires all instances, which are loaded again one by one. If a row
    fails, those before it are in the database and those after it are not.

Bad
    def add_books(session: Session, titles):
        for title in titles:
            session.add(Book(title=title))
            session.commit()

Good
    def add_books(session: Session, titles):
        for title in titles:
            session.add(Book(title=title))
        session.commit()

Fix
    Commit once after the loop, or once for a number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, Union

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.loops import batches, rounds
from sqla_lint.flow.loops.rounds import Loop
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.context import describe
from sqla_lint.flow.terms.events import Called, Closing, Ended
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Verdict

CODE = "SES204"
NAME = "commit-in-loop"
SEVERITY = "warning"

Commit: TypeAlias = Union[Called, Ended]


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each call that commits in every round."""
    commits = [e for e in facts.events if isinstance(e, (Called, Ended)) and e.loops and _commits(e)]
    if not commits:
        return
    loops = rounds.loops_of(facts.function)
    told: set[Pos] = set()
    for event in commits:
        loop = loops.get(event.loops[-1])
        if loop is None or event.pos in told or not _is_outside(facts, event.sid, loop):
            continue
        places = frozenset(e.pos for e in commits if e.sid == event.sid)
        if rounds.purpose(loop, facts.function, world) == "data" and _repeats(facts, event, loop, places, world):
            told.add(event.pos)
            yield Verdict(event.pos, _message(facts, event, loop), subject=(event.sid, event.pos))


def _commits(event: Commit) -> bool:
    if isinstance(event, Ended):
        # One that rolls back as well has a ``try`` of its own for each row.
        return "commit" in event.must and "rollback" not in event.may and not batches.writes_many(event.function)
    return event.name == "commit"


def _is_outside(facts: Facts, sid: Sid, loop: Loop) -> bool:
    """Whether the session was there before the loop began, and is the same one in every round."""
    if facts.flavour(sid) == "connection":
        return False
    if sid.owner in ("local", "kept"):
        return sid.owner == "local" and sid.pos is not None and not loop.surrounds(sid.pos)
    if sid.owner in ("instance", "held"):
        return sid.path[0] == "self" or any(p.name == sid.path[0] for p in facts.function.node.params)
    if sid.owner == "registry":
        closings = (e for e in facts.events if isinstance(e, Closing) and e.sid == sid)
        return not any(loop.surrounds(e.pos) for e in closings)
    return True


def _repeats(facts: Facts, event: Commit, loop: Loop, places: frozenset[Pos], world: World) -> bool:
    """Whether nothing in the loop decides about this commit, and no round takes care of its own failure."""
    tests = tuple(g for g in event.guards if g.test is not None and loop.surrounds(g.test.pos))
    if batches.depends(loop, event.pos, places, tests):
        return False
    cleanups = frozenset(
        e.pos for e in facts.events if isinstance(e, (Called, Ended, Closing)) and e.sid == event.sid and _cleans_up(e)
    )
    return not batches.is_isolated(loop, event.pos, cleanups, facts.function, world)


def _cleans_up(event: Called | Ended | Closing) -> bool:
    if isinstance(event, Called):
        return event.name in api.ROLLS_BACK
    return isinstance(event, Closing) or "rollback" in event.may


def _message(facts: Facts, event: Commit, loop: Loop) -> str:
    name = facts.name_of(event.sid)
    what = f"{name}.commit() runs" if isinstance(event, Called) else f"{event.function.node.name}() commits {name}"
    over = describe(loop.iter).replace("()", "(...)") if loop.iter is not None else "it"
    over = f"the loop over {over}" if over != "it" else f"the loop at line {loop.node.pos[0]}"
    return f"{what} in every round of {over}: a transaction for each row; commit once after the loop, or per batch"
