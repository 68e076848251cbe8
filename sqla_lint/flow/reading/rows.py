"""Methods of collections, mappings and dynamic relationships: what they give, and what adding to them means."""

from __future__ import annotations

from functools import reduce

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import calls, containers, specials
from sqla_lint.flow.lifetimes import instances, ownership
from sqla_lint.flow.reading import asking, drawing
from sqla_lint.flow.solver import collected
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context, dotted
from sqla_lint.flow.terms.joining import join, unread
from sqla_lint.flow.terms.row_values import Dynamic, Entity, Forked, Many, OneOf, Origin, Pair, Query, Record
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import AT_ANY, UNKNOWN, Choice, FunctionValue, Literal, Mapping, Parameter
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# So many functions in a dictionary are followed each.
_MAX_FUNCTIONS = 12
_NOWHERE = n.Opaque((0, 0, 0, 0))

_KEEPS = frozenset({"copy", "unique", "freeze"})
_ITEM = frozenset({"pop", "popleft", "get", "setdefault", "first", "one", "one_or_none", "one_or_404", "first_or_404"})
_ADDS = frozenset({"append", "add", "insert", "appendleft", "extend", "update", "setdefault", "put", "put_nowait"})


def method(
    ctx: Context,
    cur: Cursor,
    receiver: Many | Mapping | Pair | Dynamic | Record,
    name: str,
    args: list[Value],
    kwargs: dict[str, Value],
    pos: Pos,
) -> Value:
    """A method of a collection of values."""
    if name in _ADDS:
        for value in (*args, *kwargs.values()):
            ownership.release(ctx, cur, value)
            instances.shared(ctx, cur, value)
    if isinstance(receiver, Mapping):
        return _mapping(ctx, receiver, name)
    if isinstance(receiver, Record):
        return _record(receiver, name, args)
    if isinstance(receiver, Dynamic):
        return _dynamic(ctx, cur, receiver, name, args, kwargs, pos)
    if isinstance(receiver, Many):
        if name in _KEEPS:
            return receiver
        if name in _ITEM:
            # In a loop, each round takes another one.
            return (
                drawing.drawn_by(receiver.item, ctx.loops[-1])
                if ctx.loops and name.startswith("pop")
                else receiver.item
            )
        if name == "sort" and "key" in kwargs:
            drawn_calls(ctx, cur, kwargs["key"], receiver, pos, pos)
        if name in ("all", "fetchall", "scalars", "paginate"):
            return receiver
        return UNKNOWN
    if name == "_asdict" or name == "_mapping":
        return UNKNOWN
    return UNKNOWN


def _record(receiver: Record, name: str, args: list[Value]) -> Value:
    if name in ("get", "pop", "setdefault") and args:
        return at_key(receiver, args[0])
    if name not in ("values", "items", "keys"):
        return UNKNOWN
    value = drawing.each_of(receiver.values) if name != "keys" else UNKNOWN
    return Many(Pair((UNKNOWN, value)) if name == "items" else value, fixed=True)


def at_key(record: Record, key: Value) -> Value:
    """What a dict display has under a literal key; of functions, one of them where the key is not known."""
    if isinstance(key, Literal):
        return record.values[record.keys.index(key.value)] if record.keys.count(key.value) == 1 else UNKNOWN
    functions = tuple(value for value in record.values if isinstance(value, FunctionValue))
    whole = 1 < len(functions) == len(record.values) <= _MAX_FUNCTIONS
    return Choice(functions) if whole else UNKNOWN


def _mapping(ctx: Context, receiver: Mapping, name: str) -> Value:
    if name == "values":
        return Many(receiver.value)
    if name == "items":
        return Many(Pair((receiver.key, receiver.value)))
    if name == "keys":
        return Many(receiver.key)
    if name in ("get", "pop", "setdefault", "popitem"):
        value = Pair((receiver.key, receiver.value)) if name == "popitem" else receiver.value
        # In a loop, each round asks for another key.
        return drawing.drawn_by(value, ctx.loops[-1]) if ctx.loops else value
    return UNKNOWN


def of_given(func: Parameter, args: list[Value]) -> Value:
    """``given.values()``, ``given.items()``: if what was handed in is a dictionary, what it has is reached from it."""
    name = func.steps[-1] if func.steps else ""
    if args or func.cls is not None or name not in ("values", "items"):
        return UNKNOWN
    value = func._replace(steps=(*func.steps[:-1], AT_ANY))
    return Many(value if name == "values" else Pair((UNKNOWN, value)))


def _dynamic(
    ctx: Context, cur: Cursor, receiver: Dynamic, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    """A dynamic collection is a query: its rows come by another statement, which is SES402's concern."""
    from sqla_lint.flow.reading import queries

    if name in api.GENERATIVE or name in ("options", "limit", "with_entities"):
        return queries.method(ctx, cur, _query_of(ctx, receiver, pos), name, args, kwargs, pos)
    if name in api.QUERY_RUNS - api.BULK:
        asking.note(ctx, None, pos)
    if name in ("all", "paginate"):
        return Many(receiver.row)
    row = receiver.row
    if name == "options" and isinstance(row, Entity) and row.origin is not None:
        return Dynamic(queries.add_options(Query(row, row.origin, False), args).row)
    if name in ("first", "one", "one_or_none", "get"):
        return receiver.row
    return receiver if name not in ("count", "exists", "append", "add", "remove") else UNKNOWN


def _query_of(ctx: Context, collection: Dynamic, pos: Pos) -> Query:
    """The query that a dynamic collection is: what loads its rows stands here."""
    origin = Origin(ctx.path, pos, filtered=True)
    row = collection.row._replace(origin=origin, steps=(), drawn=()) if isinstance(collection.row, Entity) else UNKNOWN
    return Query(row, origin, executed=False)


def of_container(
    ctx: Context, cur: Cursor, node: n.Call, func: n.Attribute, args: list[Value], kwargs: dict[str, Value]
) -> list[Value]:
    """A method of what may be a container: what it is filled from, or sorted by, is gone through at once."""
    if func.attr == "sort" and "key" in kwargs and not isinstance(cur.env.get(dotted(func.value) or ""), Many):
        drawn_calls(ctx, cur, kwargs["key"], UNKNOWN, node.pos, node.pos)
    if func.attr in containers.ADDS:
        if func.attr in containers.COLLECTIONS and isinstance(args[0] if args else None, (Query, Dynamic)):
            args = [rows_of(ctx, cur, args[0], node.args[0].pos), *args[1:]]
        containers.add(ctx, cur, func.value, func.attr, args)
        if func.attr == "update" and not ctx.static:
            containers.updated(cur, func.value, args, kwargs)
        collected.note(ctx, cur, func.value)
    return args


def rows_of(ctx: Context, cur: Cursor, value: Value, pos: Pos) -> Value:
    """A list of what *value* gives when iterated (``list(...)``, ``sorted(...)``, ``set(...)``)."""
    from sqla_lint.flow.reading import queries

    if isinstance(value, OneOf):
        value = value.of("many") or value
    if isinstance(value, Forked):
        listed = [rows_of(ctx, cur, way, pos) for way in value.collections]
        return reduce(join, listed) if listed else UNKNOWN
    if isinstance(value, Query):
        queries.run(ctx, cur, value, pos)
        return Many(Pair((value.row,)) if value.wraps else value.row, single=value.single)
    if isinstance(value, Many):
        if value.unread is not None:
            queries.note_reading(ctx, cur, value.unread[0], value.unread[1], pos)
        return value._replace(unread=None)
    if isinstance(value, Pair):
        return value
    if isinstance(value, Mapping):
        return Many(value.key)
    if isinstance(value, Dynamic):
        asking.note(ctx, None, pos)
        return Many(value.row)
    given = specials.iterated(ctx, cur, value, pos)
    return value if given is value else rows_of(ctx, cur, given, pos)


def spread(ctx: Context, cur: Cursor, node: n.Sequence) -> Value:
    """``[*rows, row]``: the items of all of them."""
    from sqla_lint.flow.evaluation.evaluate import expr

    found: Value = containers.EMPTY
    for item in node.items:
        starred = isinstance(item, n.Starred)
        value = expr(ctx, cur, item.value if isinstance(item, n.Starred) else item)
        ownership.release(ctx, cur, value)
        part = rows_of(ctx, cur, value, item.pos) if starred else Many(value, single=True, fixed=True)
        found = join(found, part if isinstance(part, Many) else Many(UNKNOWN))
    return found


def item_of(source: Value) -> Value:
    """An item of what ``yield from`` goes through."""
    if isinstance(source, Query):
        return Pair((source.row,)) if source.wraps else source.row
    if isinstance(source, Parameter) and source.cls is None:
        return source._replace(steps=(*source.steps, "[]"))
    return source.item if isinstance(source, Many) else UNKNOWN


def waiting(value: Value) -> tuple[Sid, Pos] | None:
    """The session and query that a lazy iterator over *value* will read from."""
    found = unread(value) if isinstance(value, (Query, Many)) else None
    return found[:2] if found is not None else None


def lazily(source: Value, made: Value) -> Value:
    """*made* (``map``, ``enumerate``, ``islice``, ... over *source*) reads nothing until it is iterated."""
    return made._replace(unread=waiting(source)) if isinstance(made, Many) else made


def drawn_calls(
    ctx: Context,
    cur: Cursor,
    function: Value,
    source: Value,
    pos: Pos,
    node_pos: Pos,
    spread: bool = False,
    before: tuple[Value, ...] = (),
) -> Value:
    """A callable handed to ``map``, ``filter``, ``sorted``, ...: it runs once for each item (*spread* as arguments,
    *before* it others).
    """
    outer = ctx.loops
    loop = (pos[0], pos[1])
    ctx.loops = (*outer, loop)
    listed = rows_of(ctx, cur, source, pos)
    item = drawing.draw(ctx, cur, listed, loop, _NOWHERE)
    given = list(item.items) if spread and isinstance(item, Pair) else [*before, item]
    result = calls.apply(ctx, cur, function, given, {}, node_pos) if function != UNKNOWN else UNKNOWN
    ctx.loops = outer
    return drawing.undrawn(result, loop)
