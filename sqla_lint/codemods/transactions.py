"""Which calls of a function end a session's transaction: its own methods, and project functions that may."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.places import walk_with_parents
from sqla_lint.flow.evaluation import evaluate
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import Called
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import FunctionValue
from sqla_lint.index.module import Class, Function
from sqla_lint.lower import nodes as n

ENDS = api.COMMITS | api.ROLLS_BACK | api.CLOSES


def commits_in(
    stmts: Iterable[n.Stmt], facts: Facts | None, function: Function, world: World, rows: Collection[Class] = ()
) -> bool:
    """Whether a call in *stmts* may commit, and so expire what was loaded before.

    Args:
        stmts: statements of *function*.
        facts: what is known of the function; None where its rows are only known from its callers.
        function: the function.
        world: the project.
        rows: the classes of the rows whose methods may be called.
    """
    events = facts.events if facts is not None else ()
    committing = {event.pos for event in events if isinstance(event, Called) and event.name in api.COMMITS}
    calls = [node for node, _ in walk_with_parents(tuple(stmts)) if isinstance(node, n.Call)]
    return any(
        call.pos in committing or (effects(call, function, world) | _of_rows(call, world, rows)) & api.COMMITS
        for call in calls
    )


def effects(call: n.Call, function: Function, world: World) -> frozenset[str]:
    """What a call in *function* does to sessions, itself or through a function of the project."""
    ctx = world.static_context(function.path, function)
    callee = evaluate.expr(ctx, Cursor(State({}, {}), None), call.func)
    if isinstance(callee, FunctionValue):
        return _may(callee.function, callee.receiver is not None, world)
    return frozenset()


def _of_rows(call: n.Call, world: World, rows: Iterable[Class]) -> frozenset[str]:
    """What the method *call* does to sessions if it is called on one of *rows*."""
    func = call.func
    if not isinstance(func, n.Attribute) or not isinstance(func.value, (n.Name, n.Attribute)):
        return frozenset()
    methods = [method for cls in rows if (method := world.method(cls, func.attr)) is not None]
    return frozenset().union(*(_may(method, True, world) for method in methods))


def _may(function: Function, bound: bool, world: World) -> frozenset[str]:
    return frozenset(word for _, effect in world.summary(function, bound).effects for word in effect.may)
