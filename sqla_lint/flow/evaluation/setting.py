"""Attributes that a function sets on what it is handed: a call of it changes the caller's instances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqla_lint.flow.lifetimes import usage
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import UNKNOWN, FunctionValue, Literal
from sqla_lint.index.module import Function, own_nodes
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# How many functions deep a change is looked for.
_MAX_CALLS = 3
# What stands for the parameter while the arguments of a call are told apart.
_MARK = Literal(True, "mark")


def by_callee(ctx: Context, cur: Cursor, function: Function, bound: dict[str, Value], pos: Pos) -> None:
    """A call of *function* sets what its body sets. It only matters which session is told where there are several."""
    if ctx.static or len(cur.sessions) < 2:
        return
    for parameter, value in bound.items():
        if isinstance(value, Entity):
            for name in _set_on(ctx.world, function, parameter, 0):
                usage.written(ctx, cur, value, name, pos)


def _set_on(world: World, function: Function, parameter: str, depth: int) -> Iterator[str]:
    """The attributes that a function sets on a parameter, itself or through a function that it hands it on to."""
    for node in own_nodes(function.node.body):
        targets = node.targets if isinstance(node, n.Assign) else ()
        for target in (node.target,) if isinstance(node, n.AugAssign) else targets:
            if isinstance(target, n.Attribute) and _is(target.value, parameter):
                yield target.attr
        if isinstance(node, n.Call) and depth < _MAX_CALLS:
            yield from _handed_on(world, function, node, parameter, depth)


def _handed_on(world: World, function: Function, call: n.Call, parameter: str, depth: int) -> Iterator[str]:
    from sqla_lint.flow.evaluation.evaluate import expr
    from sqla_lint.flow.terms import binding

    receiver = call.func.value if isinstance(call.func, n.Attribute) else None
    if not any(_is(part, parameter) for part in (receiver, *call.args, *(k.value for k in call.keywords))):
        return
    ctx = world.static_context(function.path, function)
    callee = expr(ctx, Cursor(State({}, {}), None), call.func)
    if isinstance(callee, FunctionValue):
        args = [_mark(arg, parameter) for arg in call.args]
        kwargs = {k.name: _mark(k.value, parameter) for k in call.keywords if k.name is not None}
        first = _mark(receiver, parameter) if callee.receiver is not None else None
        for name, value in binding.bind(callee.function, first, args, kwargs).items():
            if value == _MARK:
                yield from _set_on(world, callee.function, name, depth + 1)


def _mark(node: n.Expr | None, parameter: str) -> Value:
    return _MARK if _is(node, parameter) else UNKNOWN


def _is(node: n.Expr | None, parameter: str) -> bool:
    return isinstance(node, n.Name) and node.id == parameter
