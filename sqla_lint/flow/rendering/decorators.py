"""Decorators that dump what a view returns with a schema of marshmallow's: those of Flask's extensions, and the
project's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint import serializer_api as api
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Many, Query, Record
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import ClassValue, Outside, Serializer
from sqla_lint.index.module import Function
from sqla_lint.index.project import Variable
from sqla_lint.index.shapes import Each, Shape
from sqla_lint.lower import nodes as n


def dumped(ctx: Context, function: Function, value: Value) -> Iterator[tuple[Shape, Value]]:
    """What the decorators of *function* make of the rows in *value*, which it returns."""
    for decorator in function.node.decorators:
        if not isinstance(decorator, n.Call):
            continue
        place = _place(ctx, function, decorator.func)
        if place is not None:
            given = [*decorator.args[place : place + 1], *(k.value for k in decorator.keywords if k.name == "schema")]
            for schema in _schemas(ctx, function, given[:1]):
                yield (Each(schema.shape) if schema.many else schema.shape), value
        elif _dumps(ctx, function, decorator.func):
            found = list(_schemas(ctx, function, [*decorator.args, *(k.value for k in decorator.keywords)]))
            for schema in found if len(found) == 1 else ():
                yield from _as_it_comes(schema, value)


def _place(ctx: Context, function: Function, func: n.Expr) -> int | None:
    """Where among its arguments a decorator of an extension has the schema; None for any other decorator."""
    dotted = ctx.world.names.dotted(function.path, func)
    if dotted is not None or not isinstance(func, n.Attribute):
        return api.DUMPING_DECORATORS.get(dotted or "")
    owner = ctx.world.names.definition(function.path, func.value)
    made = ctx.world.statics.variable(owner) if isinstance(owner, Variable) else None
    if not (isinstance(made, Outside) and made.called):
        return None
    return api.DUMPING_DECORATORS.get(f"{made.name}.{func.attr}")


def _dumps(ctx: Context, function: Function, func: n.Expr) -> bool:
    """Whether a decorator is the project's own, and dumps something, or calls a function that does."""
    what = ctx.world.names.definition(function.path, func)
    if not isinstance(what, Function):
        return False
    dumping = {f.node.name for name in api.DUMPS for f in ctx.world.project.functions_by_word.get(name, ())}
    return not what.words.isdisjoint(api.DUMPS | dumping)


def _schemas(ctx: Context, function: Function, given: list[n.Expr]) -> Iterator[Serializer]:
    """The schemas among what a decorator is given: instances, and classes of them."""
    from sqla_lint.flow.evaluation.evaluate import expr

    outside = ctx.world.static_context(function.path, function.outer)
    for part in given:
        value = expr(outside, Cursor(State({}, {}), None), part)
        if isinstance(value, ClassValue) and ctx.world.serializers.is_marshmallow(value.cls):
            value = expr(outside, Cursor(State({}, {}), None), n.Call(part.pos, part, (), ()))
        if isinstance(value, Serializer) and value.how == "dump":
            yield value


def _as_it_comes(schema: Serializer, value: Value) -> Iterator[tuple[Shape, Value]]:
    """A decorator that sees what it gets: one row, many, or a page of them in a dictionary."""
    for part in value.values if isinstance(value, Record) else (value,):
        if isinstance(part, (Many, Query)):
            yield Each(schema.shape), part
        elif isinstance(part, Entity):
            yield schema.shape, part
