"""What FastAPI reads of the rows that an endpoint returns: its response model names it, and is filled by attributes."""

from __future__ import annotations

from sqla_lint.flow import loading, rows, schemas
from sqla_lint.flow.context import Context
from sqla_lint.flow.facts import AsyncRead, LazyRead
from sqla_lint.flow.state import Cursor
from sqla_lint.flow.values import Entity, Many, Outside, Query, Value
from sqla_lint.index.annotations import unwrap
from sqla_lint.index.module import Class, Function
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n

_APPLICATIONS = ("fastapi.FastAPI", "fastapi.APIRouter", "fastapi.applications.FastAPI", "fastapi.routing.APIRouter")
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace", "api_route"})


def note(ctx: Context, cur: Cursor, value: Value, node: n.Expr) -> None:
    """What the response model reads of *value*, which an endpoint returns; nothing of *cur* changes."""
    function = ctx.function
    if ctx.static or function is None or not function.node.decorators or not isinstance(value, (Entity, Many, Query)):
        return
    model = _model(ctx, function)
    inner, many = unwrap(model) if model is not None else (None, False)
    schema = ctx.world.names.definition(function.path, inner) if inner is not None else None
    if not isinstance(schema, Class) or not schemas.is_schema(ctx, schema):
        return
    filling = Context(ctx.world, ctx.path, function, static=False)
    filling.sessions = dict(ctx.sessions)
    _fill(filling, Cursor(cur.state(), None), schema, value, many, node)
    if not any(isinstance(event, AsyncRead) for event in filling.events):
        reads = [event for event in filling.events if isinstance(event, LazyRead)]
        # A schema may lead through half of the tables: what is nearest is told first.
        nearest = min((len(read.entity.steps) for read in reads if read.status == "lazy"), default=0)
        for read in reads:
            if len(read.entity.steps) <= nearest:
                ctx.emit(read)


def _fill(ctx: Context, cur: Cursor, schema: Class, value: Value, many: bool, node: n.Expr) -> None:
    row = value
    if many:
        listed = rows.rows_of(ctx, cur, value, node.pos)
        row = loading.draw(ctx, cur, listed, node.pos[:2], node)
        ctx.loops = (node.pos[:2],)
    if isinstance(row, Entity) and _is_open(row):
        schemas.fill(ctx, cur, schema, row, node.pos, schemas.MAX_DEPTH)


def _is_open(row: Entity) -> bool:
    """Whether the row's session outlives the endpoint: the response is made after it."""
    origin = row.origin
    return origin is not None and not origin.closed and origin.sid is not None and origin.sid.owner != "local"


def _model(ctx: Context, function: Function) -> n.Expr | None:
    """The response model of an endpoint of FastAPI's, as its decorator or else its return annotation has it."""
    for decorator in function.node.decorators:
        if isinstance(decorator, n.Call) and _is_endpoint(ctx, function.path, decorator.func):
            named = [keyword.value for keyword in decorator.keywords if keyword.name == "response_model"]
            return named[0] if named else function.node.returns
    return None


def _is_endpoint(ctx: Context, path: str, func: n.Expr) -> bool:
    if not isinstance(func, n.Attribute) or func.attr not in _METHODS:
        return False
    found = ctx.world.names.definition(path, func.value)
    value = ctx.world.statics.variable(found) if isinstance(found, Variable) else None
    return isinstance(value, Outside) and value.called and value.name in _APPLICATIONS
