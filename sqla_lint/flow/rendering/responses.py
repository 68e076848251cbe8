"""What FastAPI reads of the rows that an endpoint returns: its response model names it, and is filled by attributes;
what a decorator of Flask's extensions dumps.

All of the model is filled before ``response_model_include`` and ``response_model_exclude`` leave anything out.
"""

from __future__ import annotations

from collections.abc import Callable

from sqla_lint import serializer_api as api
from sqla_lint.flow.lifetimes import instances
from sqla_lint.flow.reading import rows
from sqla_lint.flow.rendering import decorators, schemas
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import AsyncRead, LazyRead
from sqla_lint.flow.terms.row_values import Entity, Forked, Many, OneOf, Query, Record
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN, Instance, Mapping, Outside
from sqla_lint.index import pydantic_schemas
from sqla_lint.index.module import Function
from sqla_lint.index.project import Variable
from sqla_lint.index.shapes import Each, Shape
from sqla_lint.lower import nodes as n


def note(ctx: Context, cur: Cursor, value: Value, node: n.Expr) -> None:
    """What the response model reads of *value*, which an endpoint returns; nothing of *cur* changes."""
    function = ctx.function
    if ctx.static or function is None or not function.node.decorators:
        return
    for way in value.ways if isinstance(value, Forked) else ():
        note(ctx, cur, way, node)
    if not isinstance(value, (Entity, Many, Mapping, OneOf, Query, Record)):
        return
    model = _model(ctx, function)
    shape = pydantic_schemas.shape(ctx.world.serializers, function.path, model) if model is not None else None
    if isinstance(value, OneOf):
        # Rows, or a page of them: the model says which.
        value = value.of("many" if isinstance(shape, Each) and not shape.paged else "record") or UNKNOWN
    if shape is not None:
        _fill(ctx, cur, shape, value, node, _is_open)
    else:
        for shape, part in decorators.dumped(ctx, function, value):
            _fill(ctx, cur, shape, part, node, _may_be_open)


def _fill(
    ctx: Context, cur: Cursor, shape: Shape, value: Value, node: n.Expr, is_open: Callable[[Entity], bool]
) -> None:
    filling = Context(ctx.world, ctx.path, ctx.function, static=False)
    filling.sessions = dict(ctx.sessions)
    after = Cursor(cur.state(), None)
    given = rows.rows_of(filling, after, value, node.pos) if isinstance(value, Query) else _written(cur, value, node)
    if all(is_open(row) for row in instances.entities(given)):
        schemas.fill(filling, after, shape, given, node.pos)
    for event in filling.events:
        if isinstance(event, (LazyRead, AsyncRead)):
            ctx.emit(event)


def _written(cur: Cursor, value: Value, node: n.Expr) -> Value:
    """What is returned; of a dict that was filled key by key (``page["items"] = rows``), what is under each."""
    if not isinstance(node, n.Name) or not (isinstance(value, Mapping) or value == Record(())):
        return value
    found = {key[len(node.id) + 2 : -2]: item for key, item in cur.env.items() if key.startswith(f"{node.id}['")}
    return Record(tuple(found.values()), tuple(found))


def _is_open(row: Entity) -> bool:
    """Whether the row's session outlives the endpoint: the response is made after it."""
    origin = row.origin
    return origin is None or not origin.closed and origin.sid is not None and origin.sid.owner != "local"


def _may_be_open(row: Entity) -> bool:
    """Whether nothing says that the row's session ends before a decorator sees the row."""
    origin = row.origin
    return origin is None or not origin.closed and (origin.sid is None or origin.sid.owner != "local")


def _model(ctx: Context, function: Function) -> n.Expr | None:
    """The response model of an endpoint of FastAPI's, as its decorator or else its return annotation has it."""
    for decorator in function.node.decorators:
        if isinstance(decorator, n.Call) and _is_endpoint(ctx, function, decorator.func):
            named = [keyword.value for keyword in decorator.keywords if keyword.name == "response_model"]
            return named[0] if named else function.node.returns
    return None


def _is_endpoint(ctx: Context, function: Function, func: n.Expr) -> bool:
    """``@app.get``: of an application or router of the module, of the function around, or of a class of the project's
    own.
    """
    if not isinstance(func, n.Attribute) or func.attr not in api.ENDPOINTS:
        return False
    found = ctx.world.names.definition(function.path, func.value)
    value = ctx.world.statics.variable(found) if isinstance(found, Variable) else None
    if function.outer is not None and isinstance(func.value, n.Name) and found is None:
        value = ctx.world.statics.local(function.outer, func.value.id)
    if isinstance(value, Instance):
        return any(api.meaning(base) == "application" for base in ctx.world.names.external_bases(value.cls))
    return isinstance(value, Outside) and value.called and api.meaning(value.name) == "application"
