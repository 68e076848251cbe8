"""Which calls of a function end a session's transaction: its own methods, and project functions that may."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.places import walk_with_parents
from sqla_lint.flow import evaluate
from sqla_lint.flow.facts import Called, Facts
from sqla_lint.flow.state import Cursor, State
from sqla_lint.flow.values import FunctionValue
from sqla_lint.flow.world import World
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n

ENDS = api.COMMITS | api.ROLLS_BACK | api.CLOSES


def commits_in(stmts: Iterable[n.Stmt], facts: Facts, world: World, module: ModuleIndex) -> bool:
    """Whether a call in *stmts* may commit, and so expire what was loaded before."""
    committing = {event.pos for event in facts.events if isinstance(event, Called) and event.name in api.COMMITS}
    for node, _ in walk_with_parents(tuple(stmts)):
        if isinstance(node, n.Call):
            if node.pos in committing or effects(node, facts, world, module) & api.COMMITS:
                return True
    return False


def effects(call: n.Call, facts: Facts, world: World, module: ModuleIndex) -> Collection[str]:
    """What a project function that *call* calls may do to sessions."""
    ctx = world.static_context(module.path, facts.function)
    callee = evaluate.expr(ctx, Cursor(State({}, {}), None), call.func)
    if not isinstance(callee, FunctionValue):
        return frozenset()
    found = world.summary(callee.function, callee.receiver is not None).effects
    return frozenset(word for _, effect in found for word in effect.may)
