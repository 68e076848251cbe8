"""Nothing is sent while the savepoint's handler listens.

What it does
    Reports ``sp = session.begin_nested()`` followed by a ``try`` that only adds, changes or deletes, with
    ``sp.rollback()`` in its handler.

Why it is bad
    ``add()`` and ``delete()`` send nothing. The handler never runs: the failure surfaces at the next flush, outside the
    ``try``, and takes the whole transaction with it.

Bad
    def add_book(session: Session, title):
        savepoint = session.begin_nested()
        try:
            session.add(Book(title=title))
        except IntegrityError:
            savepoint.rollback()

Good
    def add_book(session: Session, title):
        try:
            with session.begin_nested():
                session.add(Book(title=title))
        except IntegrityError:
            return False

Fix
    Use ``with session.begin_nested():`` inside the ``try``: its end flushes. Or call ``flush()`` in the ``try``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes.guarded import listens, sends_nothing
from sqla_lint.flow.terms.events import Called
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import own_nodes, statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES207"
NAME = "savepoint-without-flush"
SEVERITY = "warning"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each savepoint whose ``try`` sends nothing."""
    begun = {event.pos: event for event in facts.events if isinstance(event, Called) and event.name == "begin_nested"}
    if not begun:
        return
    blocks = [s for s in statements(facts.function.node.body) if isinstance(s, n.Try)]
    for stmt in statements(facts.function.node.body):
        held = _savepoint(stmt, begun)
        if held is None:
            continue
        name, pos = held
        guard = next(
            (b for b in sorted(blocks, key=lambda b: b.pos) if b.pos > pos and _rolls_back(facts, world, b, name)), None
        )
        if guard is not None and _adjacent(facts, pos, guard.pos) and sends_nothing(facts, world, guard.body, name):
            message = (
                f"nothing is sent inside the try at line {guard.pos[0]}: its handler never runs, and the failure comes "
                f"later; flush() there, or use `with {facts.name_of(begun[pos].sid)}.begin_nested():`"
            )
            yield Verdict(pos, message, (Note(guard.pos, "the try that sends nothing"),))


def _savepoint(stmt: n.Stmt, begun: dict[Pos, Called]) -> tuple[str, Pos] | None:
    """The variable that a statement binds to a savepoint, and where that was begun."""
    if not (isinstance(stmt, n.Assign) and len(stmt.targets) == 1 and isinstance(stmt.targets[0], n.Name)):
        return None
    value = stmt.value.value if isinstance(stmt.value, n.Await) else stmt.value
    return (stmt.targets[0].id, value.pos) if value.pos in begun else None


def _rolls_back(facts: Facts, world: World, block: n.Try, name: str) -> bool:
    """Whether a handler of the ``try`` that the database's errors reach rolls the savepoint back."""
    return any(
        isinstance(node, n.Call)
        and isinstance(node.func, n.Attribute)
        and node.func.attr == "rollback"
        and isinstance(node.func.value, n.Name)
        and node.func.value.id == name
        for handler in block.handlers
        if listens(facts, world, handler)
        for node in own_nodes(handler.body)
    )


def _adjacent(facts: Facts, begun: Pos, guard: Pos) -> bool:
    """Whether no statement of the session runs between the savepoint and the ``try``."""
    return not any(
        isinstance(event, Called) and begun[:2] < event.pos[:2] < guard[:2] and event.name in ("flush", "commit")
        for event in facts.events
    )
