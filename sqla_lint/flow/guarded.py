"""What a block of statements sends to the database: asked where only certainty counts."""

from __future__ import annotations

from collections.abc import Sequence

from sqla_lint.flow.evaluate import expr
from sqla_lint.flow.facts import Called, Facts
from sqla_lint.flow.state import Cursor, State
from sqla_lint.flow.values import ClassValue, FunctionValue, Method, Outside, Session
from sqla_lint.flow.world import World
from sqla_lint.index.module import own_nodes
from sqla_lint.lower import nodes as n

# Methods of a session that note something and send nothing.
_NOTES = frozenset({"add", "add_all", "delete", "expunge"})
_PLAIN = ("builtins.", "datetime.", "uuid.", "logging.", "decimal.", "json.", "secrets.")


def sends_nothing(facts: Facts, world: World, body: Sequence[n.Stmt], savepoint: str) -> bool:
    """Whether *body* surely sends no statement, and adds, changes or deletes something.

    Every call in it must be known: a note in a session, a constructor of a mapped class, a project function that does
    no more, or a call that cannot reach a database.
    """
    calls = {event.pos: event for event in facts.events if isinstance(event, Called)}
    notes = False
    for node in own_nodes(tuple(body)):
        if isinstance(node, n.Name) and node.id == savepoint:
            return False
        if isinstance(node, (n.With, n.Yield, n.For, n.While)):
            return False
        if isinstance(node, (n.Assign, n.AugAssign)):
            notes = notes or any(
                isinstance(t, n.Attribute) for t in (node.targets if isinstance(node, n.Assign) else (node.target,))
            )
        if isinstance(node, n.Call):
            sends, writes = _call(facts, world, node, calls.get(node.pos))
            if sends:
                return False
            notes = notes or writes
    return notes


def _call(facts: Facts, world: World, node: n.Call, called: Called | None) -> tuple[bool, bool]:
    """(whether a call may send something, whether it notes a change)."""
    if called is not None:
        return called.name not in _NOTES, True
    ctx = world.static_context(facts.function.path, facts.function)
    func = expr(ctx, Cursor(State({}, {}), None), node.func)
    if isinstance(func, ClassValue) and world.mappings.is_mapped(func.cls):
        return False, False
    if isinstance(func, FunctionValue):
        return _function(world, func)
    if isinstance(func, Method) and isinstance(func.receiver, Session):
        return func.name not in _NOTES, True
    return not (isinstance(func, Outside) and func.name.startswith(_PLAIN)), False


def _function(world: World, func: FunctionValue) -> tuple[bool, bool]:
    summary = world.summary(func.function, given_session=True)
    may = frozenset().union(*(effect.may for _, effect in summary.effects))
    return bool(may & {"statement", "commit"}) or summary.bounded or not may, "write" in may


__all__ = ["sends_nothing"]
