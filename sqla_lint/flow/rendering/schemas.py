"""What a serializer reads of the rows that it is given: each field is the read of an attribute.

The reads count as made by the call (or, of a response model, the ``return``) that hands the rows over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqla_lint import serializer_api as api
from sqla_lint.flow.lifetimes import instances, usage
from sqla_lint.flow.reading import drawing, loading, rows
from sqla_lint.flow.rendering import hooks
from sqla_lint.flow.terms.basis import LoopId, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import LazyRead
from sqla_lint.flow.terms.row_values import Entity, Forked, Many, Query, Record
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.summary import Read
from sqla_lint.flow.terms.values import UNKNOWN, Literal, Parameter
from sqla_lint.index import marshmallow_schemas, pydantic_schemas
from sqla_lint.index.module import Function
from sqla_lint.index.shapes import Each, Field, Path, Schema, Shape
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_ITEMS = Literal("items", "str")
# Schemas that contain one another are followed this far, and so many of them in all.
MAX_DEPTH = 4
_MAX_VALUES = 60
# Of what a caller hands in, less far: what its rows have loaded is not known here.
_MAX_GIVEN = 2
# So many reads of one call are told with all that they lead to; of more, what is nearest is.
_MAX_TOLD = 3


class _Todo(NamedTuple):
    """What is still to be made of a value, *depth* schemas deep, and the loops that it is made in."""

    shape: Shape
    value: Value
    depth: int
    loops: tuple[LoopId, ...]


def fill(ctx: Context, cur: Cursor, shape: Shape, value: Value, pos: Pos) -> None:
    """Read of *value* what *shape* makes of it: a schema may lead through half of the tables, so not all is told."""
    outer = ctx.events, ctx.reads, ctx.loops
    ctx.events, ctx.reads = {}, {}
    todo, depth = [_Todo(shape, value, 0, ctx.loops)], 0
    for one in todo:
        if one.depth > depth and _is_enough(ctx):
            break
        depth, ctx.loops = one.depth, one.loops
        if len(todo) < _MAX_VALUES:
            todo += _parts(ctx, cur, one, pos)
    events, reads = ctx.events, ctx.reads
    ctx.events, ctx.reads, ctx.loops = outer
    told, handed = _shortest(_lazy(events)), _shortest(_handed(reads))
    for event in events:
        if not isinstance(event, LazyRead) or len(event.entity.steps) < told:
            ctx.emit(event)
    ctx.reads |= {read: None for read in reads if not isinstance(read, Read) or len(read.steps) <= handed}


def _is_enough(ctx: Context) -> bool:
    return any(len(_ends(paths)) > _MAX_TOLD for paths in (_lazy(ctx.events), _handed(ctx.reads)))


def _lazy(events: Iterable[object]) -> set[Path]:
    lazy = [event for event in events if isinstance(event, LazyRead) and event.status == "lazy"]
    return {(*event.entity.steps, event.attribute) for event in lazy}


def _handed(reads: Iterable[object]) -> set[Path]:
    return {read.steps for read in reads if isinstance(read, Read)}


def _ends(paths: set[Path]) -> list[Path]:
    """Those of *paths* that no other goes on from."""
    begun = {path[:length] for path in paths for length in range(1, len(path))}
    return [path for path in paths if path not in begun]


def _shortest(paths: set[Path]) -> int:
    """How long a path may be to be told."""
    lengths = [len(path) for path in paths] or [0]
    return max(lengths) if len(_ends(paths)) <= _MAX_TOLD else min(lengths)


def _parts(ctx: Context, cur: Cursor, todo: _Todo, pos: Pos) -> Iterable[_Todo]:
    """One step: what is read of a value, and what is to be made of what that gives."""
    shape, value, depth, _ = todo
    if isinstance(shape, Each):
        return _each(ctx, cur, shape, value, pos, depth)
    if depth >= MAX_DEPTH:
        return ()
    if isinstance(value, Forked):
        return [part for way in value.ways for part in _parts(ctx, cur, todo._replace(value=way), pos)]
    if isinstance(value, Record):
        return _record(ctx, cur, shape, value, pos, depth)
    if isinstance(value, Entity) or isinstance(value, Parameter) and depth < _MAX_GIVEN:
        return _row(ctx, cur, shape, value, pos, depth)
    return ()


def _each(ctx: Context, cur: Cursor, shape: Each, value: Value, pos: Pos, depth: int) -> Iterable[_Todo]:
    if shape.paged and isinstance(value, Record):
        value = rows.at_key(value, _ITEMS)
    if not isinstance(value, (Many, Query, Parameter)) or isinstance(value, Parameter) and value.cls is not None:
        return ()
    item = value.item if isinstance(value, Many) else UNKNOWN
    if not (isinstance(item, (Entity, Parameter)) and loading.innermost(ctx, item.drawn)):
        # Of rows that a loop draws already, the loop is that one.
        ctx.loops = (*ctx.loops, pos[:2])
        item = drawing.draw(ctx, cur, value, pos[:2], n.Opaque(pos))
    return [_Todo(shape.item, item, depth, ctx.loops)]


def _record(ctx: Context, cur: Cursor, schema: Schema, value: Record, pos: Pos, depth: int) -> Iterator[_Todo]:
    """A dict, or the arguments of a constructor: what stands under a field's name, Pydantic makes the field of."""
    serializers = ctx.world.serializers
    if not serializers.is_model(schema.cls) or pydantic_schemas.before(serializers, schema.cls):
        return
    for field in pydantic_schemas.fields(serializers, schema):
        names = [path[0] for path in field.paths if len(path) == 1]
        key = next((name for name in names if value.keys.count(name) == 1), None)
        if key is not None:
            given = value.values[value.keys.index(key)]
            yield from _made(ctx, cur, field, schema, given, pos, depth)


def _row(ctx: Context, cur: Cursor, schema: Schema, row: Value, pos: Pos, depth: int) -> Iterator[_Todo]:
    serializers = ctx.world.serializers
    if serializers.is_model(schema.cls):
        if pydantic_schemas.reads_otherwise(serializers, schema.cls):
            return
        for method in pydantic_schemas.before(serializers, schema.cls):
            row = hooks.run(ctx, cur, method, schema, [row], pos)
        if isinstance(row, Record):
            yield from _record(ctx, cur, schema, row, pos, depth)
        fields: Sequence[Field] | None = pydantic_schemas.fields(serializers, schema)
    else:
        row, fields = _dumped(ctx, cur, schema, row, pos)
    for field in fields or () if isinstance(row, (Entity, Parameter)) else ():
        if _is_there(ctx, cur, field, row):
            continue
        yield from _made(ctx, cur, field, schema, _field(ctx, cur, field, schema, row, pos), pos, depth)


def _made(
    ctx: Context, cur: Cursor, field: Field, schema: Schema, value: Value, pos: Pos, depth: int
) -> Iterator[_Todo]:
    """What is still to be made of the value of a field, once its validators have seen it."""
    for method in field.before:
        value = (
            hooks.run(ctx, cur, method, schema, [value], pos)
            if isinstance(value, (Entity, Parameter, Many))
            else UNKNOWN
        )
    if field.inner is not None and isinstance(value, (Entity, Parameter, Many, Query, Record)):
        yield _Todo(field.inner, value, depth + 1, ctx.loops)


def _dumped(ctx: Context, cur: Cursor, schema: Schema, row: Value, pos: Pos) -> tuple[Value, Sequence[Field] | None]:
    """A row as the hooks around a dump leave it, and the fields that are read of it."""
    serializers, given = ctx.world.serializers, row
    fields = marshmallow_schemas.fields(serializers, schema)
    before = marshmallow_schemas.hooks(serializers, schema.cls, api.PRE_DUMP)
    after = marshmallow_schemas.hooks(serializers, schema.cls, api.POST_DUMP)
    for hook in before:
        given = UNKNOWN if hook.whole else hooks.run(ctx, cur, hook.method, schema, [given], pos)
    for hook in after:
        if not hook.whole:
            hooks.run(ctx, cur, hook.method, schema, [UNKNOWN, row], pos)
    return given, fields


def _is_there(ctx: Context, cur: Cursor, field: Field, row: Value) -> bool:
    """Whether a field reads a column that was loaded with the row, of one that nothing has happened to."""
    if field.runs is not None or field.inner is not None or field.before or cur.instances or len(field.paths) != 1:
        return False
    name = field.paths[0][0]
    if isinstance(row, Parameter) and row.cls is None:
        return name not in ctx.world.reading_names
    if not isinstance(row, Entity) or name in ctx.world.mappings.relationship_names:
        return False
    plain = row.origin is None or not row.origin.options and not row.origin.closed
    return plain and not instances.is_closed(cur, row) and ctx.world.columns.is_stored(row.cls, name)


def _field(ctx: Context, cur: Cursor, field: Field, schema: Schema, row: Value, pos: Pos) -> Value:
    """What a field reads of a row."""
    if field.runs is not None:
        code = field.runs if isinstance(field.runs, Function) else ctx.world.function_of(field.runs, field, schema.cls)
        return hooks.run(ctx, cur, code, schema, [row], pos)
    path = next((path for path in field.paths if len(field.paths) == 1 or _has(ctx, row, path[0])), ())
    value: Value = row if path else UNKNOWN
    for name in path:
        if name.lstrip("-").isdigit():
            value = value.item if isinstance(value, Many) else UNKNOWN
        elif isinstance(value, (Entity, Parameter)):
            value = _attribute(ctx, cur, field, schema, value, name, pos)
        else:
            return UNKNOWN
    return value


def _attribute(
    ctx: Context, cur: Cursor, field: Field, schema: Schema, row: Entity | Parameter, name: str, pos: Pos
) -> Value:
    """A field reads an attribute of a row; beyond a read that fails there is nothing."""
    if isinstance(row, Entity) and instances.is_outside(cur, row) and name in ctx.world.columns.generated(row.cls):
        # Shown as it is, and of no session yet: that it has no key is no mistake.
        return UNKNOWN
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
