"""Rows and queries that an object holds: a method of it may have put others in their place.

``builder.with_pets()`` may say ``self.query = self.query.options(...)``: what the object holds from there on is not
known. A query that is only narrowed (``self.query = self.query.filter(...)``) gives rows of the same class, loaded the
same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation.containers import holds_rows
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN, FunctionValue, Instance, Parameter
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# How many methods deep a change is looked for.
_MAX_CALLS = 3
_NARROWS = api.GENERATIVE | {"limit"}


def by_method(ctx: Context, cur: Cursor, func: FunctionValue, bound: dict[str, Value]) -> dict[str, Value]:
    """What a call of a method was handed, with the object as the method leaves it."""
    holder, params = func.receiver, func.function.node.params
    if ctx.static or not isinstance(holder, Instance) or not params or func.function.node.name == "__init__":
        return bound
    lost = of(ctx.world, func.function)
    if not lost:
        return bound
    own = ctx.function.node.params[:1] if ctx.function is not None and holder.path == ("self",) else ()
    names = [*(param.name for param in own), *(name for name, value in cur.env.items() if value == holder)]
    for name in names:
        for attr, is_built in lost:
            if _is_lost(cur.env.get(f"{name}.{attr}", UNKNOWN), is_built):
                cur.env[f"{name}.{attr}"] = UNKNOWN
    anew = {attr for attr, _ in lost}
    held = tuple((attr, UNKNOWN if attr in anew and holds_rows(value) else value) for attr, value in holder.held)
    if held == holder.held:
        return bound
    left = holder._replace(held=held)
    for name in names:
        if cur.env.get(name) == holder:
            cur.env[name] = left
    return {**bound, params[0].name: left}


def _is_lost(value: Value, is_built: bool) -> bool:
    """Whether an attribute that is given anew held rows, or what may be a query: that one is made of it."""
    return holds_rows(value) or is_built and isinstance(value, Parameter)


def of(world: World, function: Function) -> tuple[tuple[str, bool], ...]:
    """The attributes that a method gives its object anew, itself or by another of its methods, each with whether it is
    made of what was there.
    """
    if function not in world.changes:
        world.changes[function] = tuple(sorted(set(_changes(world, function, 0))))
    return world.changes[function]


def _changes(world: World, function: Function, depth: int) -> Iterator[tuple[str, bool]]:
    me = function.node.params[0].name if function.cls is not None and function.node.params else None
    for node in function.own if me is not None else ():
        if isinstance(node, (n.Assign, n.AnnAssign, n.AugAssign)):
            targets = node.targets if isinstance(node, n.Assign) else (node.target,)
            for target in targets:
                for part in target.items if isinstance(target, n.Sequence) else (target,):
                    if isinstance(part, n.Attribute) and _is(part.value, me):
                        steps = _steps(node.value, me, part.attr)
                        if steps is None or not steps <= _NARROWS:
                            yield part.attr, steps is not None
        elif isinstance(node, n.Call) and isinstance(node.func, n.Attribute) and _is(node.func.value, me):
            other = world.method(function.cls, node.func.attr) if function.cls is not None else None
            if other is not None and depth < _MAX_CALLS:
                yield from _changes(world, other, depth + 1)


def _steps(value: n.Expr | None, me: str | None, attr: str) -> set[str] | None:
    """The methods of ``self.query.filter(...).order_by(...)``; None where *value* does not begin with the attribute."""
    found: set[str] = set()
    while isinstance(value, n.Call) and isinstance(value.func, n.Attribute):
        found.add(value.func.attr)
        value = value.func.value
    return found if isinstance(value, n.Attribute) and value.attr == attr and _is(value.value, me) else None


def _is(node: n.Expr, name: str | None) -> bool:
    return isinstance(node, n.Name) and node.id == name
