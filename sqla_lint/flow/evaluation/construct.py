"""Constructor calls: what an instance of a class of the project holds when it is made."""

from __future__ import annotations

from sqla_lint.flow.evaluation import calls, carried_reads, containers, substitute
from sqla_lint.flow.lifetimes import cascades, instances, ownership, sessions
from sqla_lint.flow.reading import asking
from sqla_lint.flow.rendering import serializing
from sqla_lint.flow.terms import binding, configure
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Many, Pair, Record
from sqla_lint.flow.terms.session_values import FlaskDb
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN, ClassValue, Instance, Mapping
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_MAX_LEVELS = 4


def instance(
    ctx: Context,
    cur: Cursor,
    func: ClassValue,
    args: list[Value],
    kwargs: dict[str, Value],
    pos: Pos,
    node: n.Call | None = None,
) -> Value:
    """An instance of a class of the project."""
    cls = func.cls
    if ctx.world.mappings.is_mapped(cls):
        known = cascades.before(cur, kwargs.values())
        calls.unknown(ctx, cur, args, kwargs, pos)
        made = Entity(cls, None, made=(ctx.path, pos))
        plain = node is not None and not args and configure.SPREAD not in kwargs
        # Names that are not literal may be set on it, on some ways only.
        plain = plain and not (ctx.function is not None and "setattr" in ctx.function.body_words)
        instances.built(ctx, cur, made, frozenset(kwargs) if plain else None)
        cascades.given(ctx, cur, made, kwargs, known)
        return made
    if ctx.world.is_flask_db_class(cls):
        return FlaskDb(ctx.path, f"{pos[0]}:{pos[1]}", configure.of_flask(kwargs))
    settings = ctx.world.session_class(cls)
    if settings is not None:
        return sessions.create(ctx, cur, configure.bound(configure.overridden(settings, kwargs), args, kwargs), pos)
    serializer = serializing.constructed(ctx, cur, func, kwargs, node, pos)
    if serializer is not None:
        calls.unknown(ctx, cur, args, kwargs, pos)
        return serializer
    init = ctx.world.method(cls, "__init__")
    if init is None:
        return _without_init(ctx, cur, func, args, kwargs, pos)
    bound = binding.bind(init, Instance(cls, ("%new",)), args, kwargs)
    kept = any(containers.holds_rows(value) or isinstance(value, ClassValue) for value in bound.values())
    summary = ctx.world.summary(init, kept)
    if not ctx.static:
        carried_reads.reads(ctx, cur, summary, bound, init, pos)
        substitute.effects(ctx, cur, summary, bound, init, pos)
        asking.called(ctx, cur, summary, bound, init, func, pos)
    held = tuple(
        (name, found)
        for name, stored in summary.stores
        if (found := _within(substitute.value(ctx, cur, stored, bound, pos))) != UNKNOWN
    )
    holder = Instance(cls, (), held)
    finalizer = ctx.world.method(cls, "__del__")
    if finalizer is not None and any("close" in effect.may for _, effect in ctx.world.summary(finalizer).effects):
        # It closes its session itself when nothing holds it any more.
        ownership.release(ctx, cur, holder)
    return holder


def _without_init(
    ctx: Context, cur: Cursor, func: ClassValue, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    """A dataclass or named tuple takes its fields in order; of another class nothing is known."""
    fields = ctx.world.dataclass_fields(func.cls)
    if fields is None:
        calls.unknown(ctx, cur, args, kwargs, pos)
        return Instance(func.cls)
    given = dict(zip(fields, args)) | {k: v for k, v in kwargs.items() if k in fields}
    return Instance(func.cls, (), tuple((name, _within(value)) for name, value in given.items() if value != UNKNOWN))


def _within(value: Value, levels: int = _MAX_LEVELS) -> Value:
    """*value* as an object holds it: what objects hold that hold one another is known a few levels down, or a loop that
    wraps an object in each round (``tree = Node(tree)``) would make ever deeper ones.
    """
    if isinstance(value, Instance):
        held = tuple((name, _within(part, levels - 1)) for name, part in value.held) if levels else ()
        return value._replace(held=held) if value.held else value
    if isinstance(value, Many):
        return value._replace(item=_within(value.item, levels), parts=tuple(_within(p, levels) for p in value.parts))
    if isinstance(value, Pair):
        return Pair(tuple(_within(item, levels) for item in value.items))
    if isinstance(value, Record):
        return value._replace(values=tuple(_within(item, levels) for item in value.values))
    return value._replace(value=_within(value.value, levels)) if isinstance(value, Mapping) else value
