"""Items of what a loop goes over or a subscript takes, marked with the loop that drew them."""

from __future__ import annotations

from functools import reduce

from sqla_lint.flow.lifetimes import instances
from sqla_lint.flow.reading import asking
from sqla_lint.flow.reading.loading import at
from sqla_lint.flow.reading.strategies import MAX_STEPS
from sqla_lint.flow.solver import conditions
from sqla_lint.flow.terms.basis import LoopId, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Once
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import Dynamic, Entity, Forked, Key, Many, OneOf, Pair, Query, Record, Reference
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import AT_ANY, UNKNOWN, ClassValue, Instance, Literal, Mapping, Outside, Parameter
from sqla_lint.lower import nodes as n

# Names that are written down and looked at one by one.
_MAX_NAMES = 8
# ``rows[slice(first, last)]``.
_SLICE = Outside("builtins.slice", True)


def draw(ctx: Context, cur: Cursor, source: Value, loop: LoopId, node: n.Expr) -> Value:
    """One item of what a loop iterates, marked as drawn by it."""
    from sqla_lint.flow.reading import queries

    if isinstance(source, OneOf):
        source = source.of("many") or UNKNOWN
    if isinstance(source, Forked):
        drawn = [draw(ctx, cur, way, loop, node) for way in source.collections]
        return reduce(join, drawn) if drawn else UNKNOWN
    if isinstance(source, Query):
        outer = ctx.loops
        # What a loop goes over is asked for once, before its first round.
        ctx.loops = asking.before(outer, loop)
        queries.run(ctx, cur, source, node.pos)
        ctx.loops = outer
        item = Pair((source.row,)) if source.wraps else source.row
        return item if source.single else drawn_by(item, loop)
    if isinstance(source, Dynamic):
        asking.note(ctx, None, node.pos, outside=loop)
        return drawn_by(source.row, loop)
    if isinstance(source, Many):
        if source.unread is not None:
            queries.note_reading(ctx, cur, source.unread[0], source.unread[1], node.pos)
        if source.single or source.fixed:
            return each_of(source.parts) if _are_names(source.parts) else source.item
        return drawn_by(source.item, loop)
    if isinstance(source, Mapping):
        return drawn_by(source.key, loop)
    if isinstance(source, Pair):
        return each_of(source.items)
    if isinstance(source, Parameter) and source.cls is None and len(source.steps) < MAX_STEPS:
        return source._replace(steps=(*source.steps, "[]"), drawn=(*source.drawn, loop))
    return UNKNOWN


def each_of(items: tuple[Value, ...]) -> Value:
    """Any of the items that are written down: ``("owner", "pets")`` are names, each of which a loop takes in turn."""
    if _are_names(items):
        return Forked(items)
    rows = [item.items for item in items if isinstance(item, Pair)]
    if items and len(rows) == len(items) and len({len(row) for row in rows}) == 1:
        return Pair(tuple(each_of(column) for column in zip(*rows)))
    return reduce(join, items) if items else UNKNOWN


def _are_names(items: tuple[Value, ...]) -> bool:
    return 1 < len(items) <= _MAX_NAMES and all(isinstance(one, Literal) and one.type == "str" for one in items)


def known_length(ctx: Context, source: Value, rows: n.Expr, loop: LoopId) -> Value:
    """*source*, what *loop* goes over, as a condition on its length leaves it: one row at most is no loop."""
    if ctx.static or not ctx.guards or not conditions.is_one_at_most(ctx, rows):
        return source
    ctx.emit(Once(loop))
    if isinstance(source, Parameter) and source.cls is None:
        source = Many(source._replace(steps=(*source.steps, "[]")))
    return source._replace(single=True) if isinstance(source, (Many, Query)) else source


def drawn_by(value: Value, loop: LoopId) -> Value:
    """*value* as an item that *loop* drew."""
    if isinstance(value, (Entity, Parameter)):
        return value._replace(drawn=(*value.drawn, loop)) if loop not in value.drawn else value
    if isinstance(value, Forked):
        return Forked(tuple(drawn_by(way, loop) for way in value.ways))
    if isinstance(value, Pair):
        return Pair(tuple(drawn_by(item, loop) for item in value.items))
    if isinstance(value, (Record, OneOf)):
        return value._replace(values=tuple(drawn_by(item, loop) for item in value.values))
    if isinstance(value, Instance) and value.held:
        return value._replace(held=tuple((name, drawn_by(item, loop)) for name, item in value.held))
    return value


def taken(ctx: Context, item: Value) -> Value:
    """*item* as the next one of a result: in a loop, each round takes another one, unless it makes the query anew."""
    rows = instances.entities(item)
    if not ctx.loops or any(row.origin is not None and row.origin.pos[:2] > ctx.loops[-1] for row in rows):
        return item
    return drawn_by(item, ctx.loops[-1])


def undrawn(value: Value, loop: LoopId) -> Value:
    """*value* after *loop* has ended: whoever iterates it next draws it again."""
    if isinstance(value, (Entity, Parameter)):
        return value._replace(drawn=tuple(one for one in value.drawn if one != loop))
    if isinstance(value, Forked):
        return Forked(tuple(undrawn(way, loop) for way in value.ways))
    if isinstance(value, Pair):
        return Pair(tuple(undrawn(item, loop) for item in value.items))
    if isinstance(value, (Record, OneOf)):
        return value._replace(values=tuple(undrawn(item, loop) for item in value.values))
    if isinstance(value, Instance) and value.held:
        return value._replace(held=tuple((name, undrawn(item, loop)) for name, item in value.held))
    if isinstance(value, Many):
        return value._replace(item=undrawn(value.item, loop))
    return value._replace(row=value.row._replace(drawn=())) if isinstance(value, (Key, Reference)) else value


def subscript(ctx: Context, cur: Cursor, node: n.Subscript, owner: Value, index: Value) -> Value:
    """``owner[index]``: an item, or a part of a collection."""
    from sqla_lint.flow.reading import queries, rows
    from sqla_lint.flow.rendering import serializing

    if isinstance(owner, Forked):
        return reduce(join, [subscript(ctx, cur, node, way, index) for way in owner.ways])
    if isinstance(owner, OneOf):
        by_name = isinstance(index, Literal) and index.type == "str"
        owner = owner.of(*(("record",) if by_name else ("many", "pair"))) or UNKNOWN
    if isinstance(owner, Query):
        queries.run(ctx, cur, owner, node.pos)
        owner = Many(Pair((owner.row,)) if owner.wraps else owner.row)
    if isinstance(owner, Dynamic):
        asking.note(ctx, None, node.pos)
        owner = Many(owner.row)
    if isinstance(node.key, n.Slice) or index == _SLICE:
        if isinstance(owner, Many):
            bounds = index.items if isinstance(index, Pair) else ()
            one = len(bounds) > 1 and bounds[1] == Literal(1, "int")
            return owner._replace(single=owner.single or one)
        return owner if isinstance(owner, Parameter) else UNKNOWN
    if isinstance(owner, ClassValue):
        serialized = serializing.generic(ctx, owner, node)
        return owner if serialized == UNKNOWN else serialized  # ``Repository[User]``
    if isinstance(owner, Pair):
        position = index.value if isinstance(index, Literal) else None
        if isinstance(position, int) and -len(owner.items) <= position < len(owner.items):
            return owner.items[position]
        return UNKNOWN
    item: Value = UNKNOWN
    if isinstance(owner, Record):
        key = Literal(index.cls.name, "str") if isinstance(index, ClassValue) else index
        return rows.at_key(owner, key)
    if isinstance(owner, (Many, Mapping)):
        item = owner.item if isinstance(owner, Many) else owner.value
    elif isinstance(owner, Parameter) and owner.cls is None and len(owner.steps) < MAX_STEPS:
        if isinstance(index, Literal) and index.type == "str":
            return owner._replace(steps=(*owner.steps, at(index.value)))
        item = owner._replace(steps=(*owner.steps, AT_ANY))
    if not isinstance(index, Literal) and ctx.loops:
        return drawn_by(item, ctx.loops[-1])
    return item
