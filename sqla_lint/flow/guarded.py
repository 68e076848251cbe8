"""What a block of statements sends to the database: asked where only certainty counts."""

from __future__ import annotations

from collections.abc import Sequence

from sqla_lint.flow import errors
from sqla_lint.flow.evaluate import expr
from sqla_lint.flow.facts import Called, Facts
from sqla_lint.flow.state import Cursor, Raised, State
from sqla_lint.flow.values import ClassValue, FunctionValue, Method, Outside, Session
from sqla_lint.flow.world import World
from sqla_lint.index.module import own_nodes
from sqla_lint.lower import nodes as n

# Methods of a session that note something and send nothing.
_NOTES = frozenset({"add", "add_all", "delete", "expunge"})
# Methods after which reading an attribute sends a statement.
_EXPIRES = frozenset({"commit", "rollback", "expire", "expire_all"})
_PLAIN = ("builtins.", "datetime.", "uuid.", "logging.", "decimal.", "json.", "secrets.")


def sends_nothing(facts: Facts, world: World, body: Sequence[n.Stmt], savepoint: str) -> bool:
    """Whether *body* surely sends no statement, and adds, changes or deletes something.

    Every call in it must be known: a note in a session, a constructor of a mapped class, a project function that does
    no more, or a call that cannot reach a database.
    """
    calls = {event.pos: event for event in facts.events if isinstance(event, Called)}
    notes = False
    expired = any(event.name in _EXPIRES and event.pos < body[0].pos for event in calls.values())
    called = {node.func for node in own_nodes(tuple(body)) if isinstance(node, n.Call)}
    targets = {t for node in own_nodes(tuple(body)) if isinstance(node, n.Assign) for t in node.targets}
    for node in own_nodes(tuple(body)):
        if isinstance(node, n.Name) and node.id == savepoint:
            return False
        if isinstance(node, (n.With, n.Yield, n.While)):
            return False
        if isinstance(node, n.For) and (node.is_async or any(body[0].pos <= pos < node.pos for pos in calls)):
            # What it goes through may be a query, which flushes what was added before it.
            return False
        if isinstance(node, n.Attribute) and node not in targets and node not in called:
            if expired or node.attr in world.reading_names:
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


def listens(facts: Facts, world: World, handler: n.Handler) -> bool:
    """Whether a handler can catch what the database raises."""
    ctx = world.static_context(facts.function.path, facts.function)
    types = errors.handler_types(ctx, Cursor(State({}, {}), None), handler.type)
    return errors.catches(Raised("database"), types) is not False


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


__all__ = ["listens", "sends_nothing"]
