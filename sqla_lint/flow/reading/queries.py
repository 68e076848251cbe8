"""Queries: what rows they give, which options are on them, and what running one does."""

from __future__ import annotations

from functools import reduce
from typing import Any

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes import sessions
from sqla_lint.flow.reading import asking, identity_map
from sqla_lint.flow.reading.aggregates import is_one_row
from sqla_lint.flow.reading.drawing import taken
from sqla_lint.flow.reading.strategies import ALL_COLUMNS
from sqla_lint.flow.terms import sql_texts
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Outlived
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import (
    ANY_COLUMN,
    Alias,
    Criterion,
    Entity,
    Forked,
    Key,
    LoaderOption,
    Many,
    ModelAttribute,
    Origin,
    Pair,
    Query,
    Record,
    Subselect,
)
from sqla_lint.flow.terms.state import CLOSED, Cursor
from sqla_lint.flow.terms.values import AT_ANY, UNKNOWN, ClassValue, Literal, Parameter
from sqla_lint.index.module import Class
from sqla_lint.lower.nodes import Pos


def make(ctx: Context, args: list[Value], pos: Pos, sid: Sid | None, wraps: bool) -> Query:
    """A query of what *args* name: mapped classes, aliases, columns."""
    origin = Origin(ctx.path, pos, sid=sid)
    row = _row(ctx, args, origin)
    return Query(row, origin, executed=False, wraps=wraps and not isinstance(row, Pair), single=is_one_row(args))


def _row(ctx: Context, args: list[Value], origin: Origin) -> Value:
    items = [_item(ctx, arg, origin) for arg in args]
    return items[0] if len(items) == 1 else Pair(tuple(items))


def _item(ctx: Context, arg: Value, origin: Origin) -> Value:
    if isinstance(arg, (ClassValue, Alias)) and ctx.world.mappings.is_mapped(arg.cls):
        return Entity(arg.cls, origin)
    return UNKNOWN


def with_origin(value: Value, origin: Origin) -> Value:
    """*value* with its rows drawn from *origin* instead."""
    if isinstance(value, Entity):
        return value._replace(origin=origin)
    if isinstance(value, Pair):
        return Pair(tuple(with_origin(item, origin) for item in value.items))
    if isinstance(value, Record):
        return value._replace(values=tuple(with_origin(item, origin) for item in value.values))
    if isinstance(value, Many):
        return value._replace(item=with_origin(value.item, origin))
    return value


def changed(query: Query, **changes: Any) -> Query:
    """*query* with another origin, its rows following."""
    origin = query.origin._replace(**changes)
    return query._replace(origin=origin, row=with_origin(query.row, origin))


def add_options(query: Query, options: list[Value]) -> Query:
    """*query* after ``.options(...)``; an option that cannot be read makes what is loaded uncertain."""
    pairs: set[tuple[tuple[str, ...], str]] = set(query.origin.options)
    certain = query.origin.certain
    for option in options:
        if isinstance(option, LoaderOption) and option.pairs is not None:
            pairs |= option.pairs
        else:
            certain = False
    entities = query.row.items if isinstance(query.row, Pair) else ()
    if sum(isinstance(one, Entity) for one in entities) > 1 and ((ALL_COLUMNS,), "defer") in pairs:
        # ``query(Pet, Visit).options(load_only(Visit.day))`` leaves out the columns of one of them.
        pairs = pairs - {((ALL_COLUMNS,), "defer")} | {((ALL_COLUMNS,), "unknown")}
    return changed(query, options=frozenset(pairs), certain=certain)


# --- running ---------------------------------------------------------------------------------------------------------


def run(
    ctx: Context,
    cur: Cursor,
    query: Query,
    pos: Pos,
    writes: bool = False,
    one: bool = False,
    key: Value | None = None,
) -> None:
    """A query sends its statement, unless that was done when its result was made; *one* if it gives one row, *key* is
    what ``get`` looks for.
    """
    sid = query.origin.sid
    if sid is not None and _outlived(ctx, cur, query, sid, pos):
        return
    if query.executed:
        return
    if sid is not None:
        sessions.statement(ctx, cur, sid, pos, writes)
    if key is not None and isinstance(query.row, Entity):
        asking.note_get(ctx, cur, sid, pos, ClassValue(query.row.cls), key)
    elif not writes and query.counted:
        asking.note(ctx, sid, pos)
    identity_map.hold(ctx, cur, query, one)


def _outlived(ctx: Context, cur: Cursor, query: Query, sid: Sid, pos: Pos) -> bool:
    """Whether the result is read after its session has closed (a query made and run in one expression is not)."""
    if query.buffered or query.origin.path != ctx.path:
        return False
    return note_reading(ctx, cur, sid, query.origin.pos, pos)


def note_reading(ctx: Context, cur: Cursor, sid: Sid, made: Pos, pos: Pos) -> bool:
    """Note that a result is read; True if its session has closed by then."""
    state = cur.sessions.get(sid)
    if ctx.static or state is None or state.status != CLOSED or sid.owner != "local" or pos[:2] == made[:2]:
        return False
    ctx.emit(Outlived(sid, pos, made, "read"))
    return True


def method(
    ctx: Context, cur: Cursor, query: Query, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    """A method of a ``Query``, a ``Select`` or a result."""
    if name == "options":
        return add_options(query, args)
    if name == "limit":
        one = bool(args) and args[0] == Literal(1, "int")
        return changed(query._replace(single=query.single or one), filtered=True, partial=True)
    if name in ("with_entities", "with_only_columns") or name == "from_self" and args:
        return query._replace(row=_row(ctx, args, query.origin), single=query.single and query.origin.partial)
    if name in api.NO_LONGER_ONE or name in ("add_entity", "add_columns", "add_column"):
        query = query._replace(single=False)
    if name in ("add_entity", "add_columns", "add_column"):
        items = query.row.items if isinstance(query.row, Pair) else (query.row,)
        return query._replace(row=Pair((*items, *(_item(ctx, a, query.origin) for a in args))), wraps=False)
    if name == api.POPULATE or api.POPULATE in kwargs:
        return changed(query, options=query.origin.options | {((), api.POPULATE)})
    if name in api.GENERATIVE or name in api.RESULT_KEEPS - {"freeze"}:
        if name in api.PARTIAL:
            query = changed(query, partial=True)
        if name == "with_parent":
            # All children of one parent: what they refer to among themselves is there.
            return changed(query, pinned=query.origin.pinned | _parents(ctx, query, args))
        return _narrowed(query, args, kwargs) if name in api.NARROWS else query
    if name == "mappings":
        run(ctx, cur, query, pos)
        return query._replace(row=_by_name(query.row), wraps=False, executed=True)
    if name in api.RESULT_RESHAPES:
        return query._replace(row=Pair(tuple(_column(query, arg) for arg in args)), wraps=False)
    if name == "freeze":
        run(ctx, cur, query, pos)
        return Many(query.row)
    if name == "scalars":
        run(ctx, cur, query, pos)
        row = _column(query, args[0]) if args else _first(query.row)
        return query._replace(row=row, wraps=False, executed=True)
    return _run_method(ctx, cur, query, name, args, kwargs, pos)


def _column(query: Query, which: Value) -> Value:
    """The column of a result that a number or a mapped class names."""
    items = query.row.items if isinstance(query.row, Pair) else (query.row,)
    if isinstance(which, Literal) and isinstance(which.value, int) and 0 <= which.value < len(items):
        return items[which.value]
    if isinstance(which, ClassValue):
        return next((item for item in items if isinstance(item, Entity) and item.cls is which.cls), UNKNOWN)
    return UNKNOWN


def _by_name(row: Value) -> Record:
    """A row as a mapping: its entities by the names of their classes."""
    items = row.items if isinstance(row, Pair) else (row,)
    return Record(items, tuple(item.cls.name if isinstance(item, Entity) else None for item in items))


def _narrowed(query: Query, args: list[Value], kwargs: dict[str, Value]) -> Query:
    """*query* with conditions: an equality gives all its rows one value of a column."""
    every = [one for arg in args for one in (arg.items if isinstance(arg, Pair) else (arg,))]
    criteria = [one for one in every if isinstance(one, Criterion)]
    pinned = {(one.cls, one.name) for one in criteria if one.keys is None}
    chosen = {(one.cls, one.name, one.keys) for one in criteria if one.keys is not None}
    row = _first(query.row)
    if isinstance(row, Entity):
        pinned |= {(row.cls, name) for name in kwargs}
        pinned |= {(row.cls, ANY_COLUMN) for one in every if isinstance(one, Subselect)}
    origin = query.origin
    return changed(query, filtered=True, pinned=origin.pinned | pinned, chosen=origin.chosen | chosen)


def condition(column: ModelAttribute, name: str, args: list[Value]) -> Value:
    """A method of ``Owner.id``: what a query that filters by it says of its rows."""
    if name == "is_":
        return Criterion(column.cls, column.name)
    if name == "in_" and args and isinstance(args[0], Subselect):
        return args[0]
    keys = _keys_of_given(args[0]) if name == "in_" and args else None
    if keys is not None:
        return Criterion(column.cls, column.name, keys)
    return column if name in ("of_type", "and_") else UNKNOWN


def _keys_of_given(value: Value) -> str | None:
    """The name of the key, where *value* are keys of objects that the function was handed."""
    item = value.item if isinstance(value, Many) else value
    if isinstance(item, Key):
        return item.name if isinstance(item.row, Parameter) else None
    if not isinstance(item, Parameter) or len(item.steps) < 2 or item.steps[-2] not in ("[]", AT_ANY):
        return None
    return item.steps[-1]


def _parents(ctx: Context, query: Query, args: list[Value]) -> frozenset[tuple[Class, str]]:
    """What all rows of ``query.with_parent(owner)`` have in common: their parent; any, if it is not known which."""
    row, parent = _first(query.row), args[0] if args else UNKNOWN
    mapped = ctx.world.mappings.mapped(row.cls) if isinstance(row, Entity) else None
    if mapped is None:
        return frozenset()
    known = parent.cls if isinstance(parent, (Entity, Parameter)) else None
    return frozenset(
        (mapped.cls, relation.name)
        for relation in ctx.world.mappings.relationships(mapped)
        if known is None or relation.target is None or relation.target in ctx.world.mappings.lineage(known)
    )


def _run_method(
    ctx: Context, cur: Cursor, query: Query, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    row: Value = Pair((query.row,)) if query.wraps else query.row
    if name == "get":
        option = kwargs.get("options")
        run(ctx, cur, query, pos, one=True, key=args[0] if args else kwargs.get("ident"))
        return query.row if option is None else UNKNOWN
    if name in api.MANY:
        run(ctx, cur, query, pos)
        many = Many(row, single=query.single)
        return Many(many) if name == "partitions" else many
    if name in ("scalar", "scalar_one", "scalar_one_or_none"):
        run(ctx, cur, query, pos, one=True)
        return _first(query.row)
    if name in api.ONE:
        run(ctx, cur, query, pos, one=True)
        return taken(ctx, row) if name == "fetchone" and not query.single else row
    if name in api.PLAIN or name in api.BULK:
        # What a ``select()`` counts is no statement yet; a dynamic collection's query has no session that is seen.
        if query.origin.sid is not None or not query.wraps:
            run(ctx, cur, query, pos, writes=name in api.BULK)
        return UNKNOWN
    return UNKNOWN


def _first(row: Value) -> Value:
    return row.items[0] if isinstance(row, Pair) and row.items else row


def executed(ctx: Context, cur: Cursor, statement: Value, how: str, sid: Sid | None, pos: Pos) -> Value:
    """What ``session.execute/scalars/scalar/exec`` gives for a statement;
    the statement itself was counted by the caller.
    """
    if sql_texts.is_select(statement) and how == "execute":
        origin = Origin(ctx.path, pos, sid=sid, certain=False, partial=sql_texts.is_part(statement))
        return Query(UNKNOWN, origin, executed=True, buffered=True)
    if isinstance(statement, Forked):
        return reduce(join, [executed(ctx, cur, way, how, sid, pos) for way in statement.ways])
    if not isinstance(statement, Query):
        return UNKNOWN
    buffered = sid is not None and ctx.is_async(sid) and how not in ("stream", "stream_scalars")
    query = changed(statement, sid=sid)._replace(executed=True, buffered=buffered)
    identity_map.hold(ctx, cur, query, one=how == "scalar")
    if how in ("scalars", "stream_scalars"):
        return query._replace(row=_first(query.row), wraps=False)
    if how == "scalar":
        return _first(query.row)
    if how == "exec":
        return query._replace(wraps=False)
    return query


def get(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], sid: Sid, pos: Pos) -> Value:
    """What ``session.get(Model, pk, options=[...])`` gives."""
    model = args[0] if args else kwargs.get("entity")
    if not isinstance(model, ClassValue) or not ctx.world.mappings.is_mapped(model.cls):
        return UNKNOWN
    query = Query(Entity(model.cls, Origin(ctx.path, pos, sid=sid)), Origin(ctx.path, pos, sid=sid), True)
    options = kwargs.get("options")
    if options is not None:
        given = options.items if isinstance(options, Pair) else (UNKNOWN,)
        query = add_options(query, [options.item] if isinstance(options, Many) else list(given))
    query = changed(query, filtered=True)
    identity_map.hold(ctx, cur, query, one=True)
    return query.row
