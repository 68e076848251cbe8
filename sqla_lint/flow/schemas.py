"""What a serializer reads of the rows that it is given: each field is the read of an attribute.

The reads count as made by the call (or, of a response model, the ``return``) that hands the rows over.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqla_lint import serializer_api as api
from sqla_lint.flow import calls, loading, rows, usage
from sqla_lint.flow.context import Context
from sqla_lint.flow.state import Cursor
from sqla_lint.flow.summary import Read
from sqla_lint.flow.values import UNKNOWN, Dynamic, Entity, Instance, Literal, Many, Parameter, Query, Record, Value
from sqla_lint.index import marshmallow_schemas, pydantic_schemas
from sqla_lint.index.module import Function
from sqla_lint.index.shapes import Each, Field, Schema, Shape
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_ITEMS = Literal("items", "str")
# Schemas that contain one another are followed this far.
MAX_DEPTH = 4


def fill(ctx: Context, cur: Cursor, shape: Shape, value: Value, pos: Pos, depth: int = MAX_DEPTH) -> None:
    """Read of *value* what *shape* makes of it."""
    if isinstance(shape, Each):
        _each(ctx, cur, shape, value, pos, depth)
    elif not depth:
        return
    elif isinstance(value, Record):
        _record(ctx, cur, shape, value, pos, depth)
    elif isinstance(value, (Entity, Parameter)):
        _row(ctx, cur, shape, value, pos, depth)


def _each(ctx: Context, cur: Cursor, shape: Each, value: Value, pos: Pos, depth: int) -> None:
    if shape.paged and isinstance(value, Record):
        value = rows.at_key(value, _ITEMS)
    if not isinstance(value, (Many, Query, Parameter)) or isinstance(value, Parameter) and value.cls is not None:
        return
    outer = ctx.loops
    item = value.item if isinstance(value, Many) else UNKNOWN
    if not (isinstance(item, (Entity, Parameter)) and loading.innermost(ctx, item.drawn)):
        # Of rows that a loop draws already, the loop is that one.
        ctx.loops = (*outer, pos[:2])
        item = loading.draw(ctx, cur, value, pos[:2], n.Opaque(pos))
    fill(ctx, cur, shape.item, item, pos, depth)
    ctx.loops = outer


def _record(ctx: Context, cur: Cursor, schema: Schema, value: Record, pos: Pos, depth: int) -> None:
    """A dict, or the arguments of a constructor: what stands under a field's name, Pydantic makes the field of."""
    serializers = ctx.world.serializers
    if not serializers.is_model(schema.cls) or pydantic_schemas.before(serializers, schema.cls):
        return
    for field in pydantic_schemas.fields(serializers, schema):
        names = [path[0] for path in field.paths if len(path) == 1]
        key = next((name for name in names if value.keys.count(name) == 1), None)
        if key is not None and field.inner is not None:
            fill(ctx, cur, field.inner, value.values[value.keys.index(key)], pos, depth - 1)


def _row(ctx: Context, cur: Cursor, schema: Schema, row: Value, pos: Pos, depth: int) -> None:
    serializers = ctx.world.serializers
    if serializers.is_model(schema.cls):
        if pydantic_schemas.reads_otherwise(serializers, schema.cls):
            return
        for method in pydantic_schemas.before(serializers, schema.cls):
            row = _run(ctx, cur, method, schema, [row], pos)
        if isinstance(row, Record):
            fill(ctx, cur, schema, row, pos, depth)
        fields: Sequence[Field] | None = pydantic_schemas.fields(serializers, schema)
    else:
        row, fields = _dumped(ctx, cur, schema, row, pos)
    for field in fields or () if isinstance(row, (Entity, Parameter)) else ():
        _field(ctx, cur, field, schema, row, pos, depth)


def _dumped(ctx: Context, cur: Cursor, schema: Schema, row: Value, pos: Pos) -> tuple[Value, Sequence[Field] | None]:
    """A row as the hooks around a dump leave it, and the fields that are read of it."""
    serializers, given = ctx.world.serializers, row
    fields = marshmallow_schemas.fields(serializers, schema)
    before = marshmallow_schemas.hooks(serializers, schema.cls, api.PRE_DUMP)
    after = marshmallow_schemas.hooks(serializers, schema.cls, api.POST_DUMP)
    for hook in before:
        given = UNKNOWN if hook.whole else _run(ctx, cur, hook.method, schema, [given], pos)
    for hook in after:
        if not hook.whole:
            _run(ctx, cur, hook.method, schema, [UNKNOWN, row], pos)
    return given, fields


def _run(ctx: Context, cur: Cursor, function: Function, schema: Schema, args: list[Value], pos: Pos) -> Value:
    """Call a method of a schema, as its library does."""
    from sqla_lint.flow import members
    from sqla_lint.flow.values import ClassValue, FunctionValue

    receiver: Value | None = Instance(schema.cls)
    if members.has_decorator(function, "staticmethod") or function.cls is None:
        receiver = None
    elif members.has_decorator(function, "classmethod", *api.ROW_VALIDATORS):
        receiver = ClassValue(schema.cls)
    return calls.project(ctx, cur, pos, FunctionValue(function, receiver), args, {}, function.node.name)


def _field(ctx: Context, cur: Cursor, field: Field, schema: Schema, row: Value, pos: Pos, depth: int) -> None:
    if field.runs is not None:
        code = field.runs if isinstance(field.runs, Function) else ctx.world.function_of(field.runs, field, schema.cls)
        _run(ctx, cur, code, schema, [row], pos)
        return
    path = next((path for path in field.paths if len(field.paths) == 1 or _has(ctx, row, path[0])), ())
    value = row
    for name in path:
        if name.lstrip("-").isdigit():
            value = value.item if isinstance(value, Many) else UNKNOWN
        elif isinstance(value, (Entity, Parameter)):
            value = _attribute(ctx, cur, field, schema, value, name, pos)
        else:
            return
    if path and field.inner is not None and not isinstance(value, Dynamic):
        fill(ctx, cur, field.inner, value, pos, depth - 1)


def _attribute(
    ctx: Context, cur: Cursor, field: Field, schema: Schema, row: Entity | Parameter, name: str, pos: Pos
) -> Value:
    """A field reads an attribute of a row; beyond a read that fails there is nothing."""
    raises = isinstance(row, Entity) and usage.awaits(ctx, cur, row, name)
    node = n.Attribute(pos, n.Name(pos, schema.cls.name), name)
    via = Read(loading.FIELD, (name,), field.pos, False, None, field.file, f"{schema.cls.name}.{field.name}")
    value = loading.attribute(ctx, cur, node, row, via)
    return UNKNOWN if raises else value


def _has(ctx: Context, row: Value, name: str) -> bool:
    """Whether a row has an attribute, as far as its class is known."""
    cls = row.cls if isinstance(row, (Entity, Parameter)) else None
    if cls is None:
        return False
    mappings = ctx.world.mappings
    return (
        mappings.relationship(cls, name) is not None
        or ctx.world.columns.is_stored(cls, name)
        or ctx.world.method(cls, name) is not None
    )
