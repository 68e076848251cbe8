"""A commit in a finally block.

What it does
    Reports ``commit()`` that stands in a ``finally`` block and runs whatever happened in the body.

Why it is bad
    After a failed body it commits the half of the work that was done before the error, or raises
    ``PendingRollbackError`` over the error that mattered.

Bad
    def restock(session: Session, number, count):
        try:
            item = session.get(Item, number)
            item.stock += count
        finally:
            session.commit()

Good
    def restock(session: Session, number, count):
        item = session.get(Item, number)
        item.stock += count
        session.commit()

Fix
    Commit as the last statement of the body, and roll back where it fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import Called, Created
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Verdict

CODE = "SES203"
NAME = "commit-in-finally"
SEVERITY = "error"
SUPERSEDES = ("SES202",)


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each call that commits in a ``finally``, unconditionally, a session that was there before."""
    told: set[object] = set()
    own = {e.sid for e in facts.events if isinstance(e, Created) and e.in_finally}
    for event in facts.events:
        if not (isinstance(event, Called) and event.name == "commit" and event.in_finally):
            continue
        if _is_conditional(facts, event) or event.sid in own or event.pos in told:
            continue
        told.add(event.pos)
        name = facts.name_of(event.sid)
        message = (
            f"{name}.commit() in finally commits the half-done work of a failed body, or hides its error behind "
            "PendingRollbackError; commit at the end of the body"
        )
        yield Verdict(event.pos, message, subject=(event.sid, event.pos))


def _is_conditional(facts: Facts, event: Called) -> bool:
    """Whether the call stands under a condition, or after one in the same ``finally`` that leaves it."""
    blocks = [
        stmt.final
        for stmt in statements(facts.function.node.body)
        if isinstance(stmt, n.Try) and stmt.final and _covers(stmt.final, event.pos)
    ]
    return any(
        not guard.left or (guard.test is not None and any(_covers(block, guard.test.pos) for block in blocks))
        for guard in event.guards
    )


def _covers(block: tuple[n.Stmt, ...], pos: Pos) -> bool:
    return block[0].pos[:2] <= pos[:2] and pos[2:] <= block[-1].pos[2:]
