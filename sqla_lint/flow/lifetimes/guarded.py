"""What a block of statements sends to the database: asked where only certainty counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from sqla_lint.flow.evaluation.evaluate import expr
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver import errors
from sqla_lint.flow.terms.events import Called
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import Cursor, Raised, State
from sqla_lint.flow.terms.values import ClassValue, FunctionValue, Method, Outside
from sqla_lint.index.module import Function, own_nodes
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# (whether something may be sent, whether a change is noted)
Says: TypeAlias = tuple[bool, bool]

# How many project functions deep a change is looked for.
_MAX_DEPTH = 3

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
    expired = any(event.name in _EXPIRES and event.pos < body[0].pos for event in calls.values())
    sends, notes = _Look(world, facts.function, calls, expired).at(body, savepoint)
    return notes and not sends


class _Look(NamedTuple):
    """What is known of the statements that are looked at: *calls* on sessions among them, and whether attributes that
    they read were *expired*.
    """

    world: World
    function: Function
    calls: Mapping[Pos, Called]
    expired: bool
    depth: int = 0

    def at(self, body: Sequence[n.Stmt], savepoint: str | None = None) -> Says:
        """(whether *body* may send something, whether it notes a change)."""
        nodes = tuple(own_nodes(tuple(body)))
        called = {node.func for node in nodes if isinstance(node, n.Call)}
        targets = {t for node in nodes if isinstance(node, n.Assign) for t in node.targets}
        notes = False
        for node in nodes:
            if isinstance(node, n.Name) and node.id == savepoint or isinstance(node, (n.With, n.Yield, n.While)):
                return True, False
            if isinstance(node, n.For) and (node.is_async or any(body[0].pos <= pos < node.pos for pos in self.calls)):
                # What it goes through may be a query, which flushes what was added before it.
                return True, False
            if isinstance(node, n.Attribute) and node not in targets and node not in called:
                if self.expired or node.attr in self.world.reading_names:
                    return True, False
            if isinstance(node, (n.Assign, n.AugAssign)):
                notes = notes or any(
                    isinstance(t, n.Attribute) for t in (node.targets if isinstance(node, n.Assign) else (node.target,))
                )
            if isinstance(node, n.Call):
                sends, writes = self._call(node)
                if sends:
                    return True, False
                notes = notes or writes
        return False, notes

    def _call(self, node: n.Call) -> Says:
        called = self.calls.get(node.pos)
        if called is not None:
            return called.name not in _NOTES, True
        ctx = self.world.static_context(self.function.path, self.function)
        func = expr(ctx, Cursor(State({}, {}), None), node.func)
        if isinstance(func, ClassValue) and self.world.mappings.is_mapped(func.cls):
            return False, False
        if isinstance(func, FunctionValue):
            return self._project(func.function)
        if isinstance(func, Method) and isinstance(func.receiver, Session):
            return func.name not in _NOTES, True
        return not (isinstance(func, Outside) and func.name.startswith(_PLAIN)), False

    def _project(self, function: Function) -> Says:
        summary = self.world.summary(function, given_session=True)
        may = frozenset().union(*(effect.may for _, effect in summary.effects))
        if summary.bounded or may & {"statement", "commit"}:
            return True, False
        if may:
            return False, "write" in may
        if self.depth == _MAX_DEPTH or function.node.decorators or function.is_generator:
            return True, False
        return _Look(self.world, function, {}, self.expired, self.depth + 1).at(function.node.body)


def listens(facts: Facts, world: World, handler: n.Handler) -> bool:
    """Whether a handler can catch what the database raises."""
    ctx = world.static_context(facts.function.path, facts.function)
    types = errors.handler_types(ctx, Cursor(State({}, {}), None), handler.type)
    return errors.catches(Raised("database"), types) is not False


__all__ = ["listens", "sends_nothing"]
