"""What reading an attribute does: which relationships of which rows are loaded, and what a read costs in a loop."""

from __future__ import annotations

from functools import reduce

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import members
from sqla_lint.flow.lifetimes import instances, usage
from sqla_lint.flow.reading import asking
from sqla_lint.flow.solver import conditions
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context, LoopId
from sqla_lint.flow.terms.events import LazyRead
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import AwaitableAttrs, Dynamic, Entity, Key, Many, Origin, Pair, Query, Record
from sqla_lint.flow.terms.state import CLOSED, OPEN, Cursor
from sqla_lint.flow.terms.summary import Read
from sqla_lint.flow.terms.values import UNKNOWN, ClassValue, Instance, Literal, Mapping, Parameter
from sqla_lint.index.mapped import Relationship
from sqla_lint.index.module import Class, Function
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# Stands in an option's path for all columns of the class there.
ALL_COLUMNS = "%columns"
# In place of the loop that read a relationship: it was read of one row, which says nothing of the others.
ONE_ROW = (0, 0)
# It was read of every row, by a function that loops over them.
EACH_ROW = (0, 1)
# In place of a parameter: it is a serializer's field that reads the row.
FIELD = "%field"
# An attribute of a row's class with which what it has can be awaited.
_AWAITABLE = "awaitable_attrs"
# How many relationships a value is followed through.
_MAX_STEPS = 6


def at(key: object) -> str:
    """The step that takes what a dictionary has under a literal key."""
    return f"[{key!r}]"


def attribute(ctx: Context, cur: Cursor, node: n.Attribute, owner: Value, via: Read | None = None) -> Value:
    """``owner.attr`` read, *via* a field that does: the value, with what the read does noted."""
    if isinstance(owner, AwaitableAttrs):
        return _awaitable(ctx, cur, node, owner.owner)
    if isinstance(owner, Entity):
        if node.attr == _AWAITABLE:
            return AwaitableAttrs(owner)
        return _entity(ctx, cur, node, owner, via)
    if isinstance(owner, Parameter):
        return _parameter(ctx, cur, node, owner)
    return members.member(ctx, cur, node, owner)


def _entity(ctx: Context, cur: Cursor, node: n.Attribute, owner: Entity, via: Read | None) -> Value:
    mapped = ctx.world.mappings.mapped(owner.cls)
    relation = ctx.world.mappings.relationship(owner.cls, node.attr)
    lazy = usage.matters(ctx, cur, owner) and sends(ctx, cur, owner, node.attr, relation)
    usage.read(ctx, cur, node, owner, relation, lazy)
    if relation is not None:
        return read(ctx, cur, node.pos, owner, relation, via)
    if mapped is not None and node.attr in mapped.proxies:
        return _proxy(ctx, cur, node, owner, *mapped.proxies[node.attr])
    status = column_cost(ctx, cur, owner, node.attr)
    if status is not None:
        note_read(ctx, cur, node.pos, owner, node.attr, status, False, via)
        return UNKNOWN
    if owner.origin is not None and ctx.world.columns.is_whole_key(owner.cls, node.attr):
        return Key(owner, node.attr)
    return members.member(ctx, cur, node, owner)


def _awaitable(ctx: Context, cur: Cursor, node: n.Attribute, owner: Entity) -> Value:
    """``await row.awaitable_attrs.pets``: a statement for this row, unless the query loaded it."""
    instances.refreshed(cur, owner)
    relation = ctx.world.mappings.relationship(owner.cls, node.attr)
    if relation is None or owner.origin is None:
        return UNKNOWN
    if load_status(ctx, cur, owner, relation) == "lazy":
        asking.note(ctx, owner.origin.sid, node.pos)
    cur.loaded = cur.loaded | {(owner.origin.pos, (*owner.steps, node.attr), None)}
    return reached(ctx, owner, relation)


def _proxy(ctx: Context, cur: Cursor, node: n.Attribute, owner: Entity, first: str, second: str) -> Value:
    """An association proxy reads the relationship, and the attribute of each row behind it."""
    relation = ctx.world.mappings.relationship(owner.cls, first)
    if relation is None:
        return UNKNOWN
    value = read(ctx, cur, node.pos, owner, relation)
    inner = value.item if isinstance(value, Many) else value
    if isinstance(inner, Entity):
        beyond = ctx.world.mappings.relationship(inner.cls, second)
        if beyond is not None and beyond.target is not None:
            target = Entity(beyond.target, inner.origin, (*inner.steps, second), inner.drawn)
            return Many(target) if isinstance(value, Many) else target
    return UNKNOWN


# --- relationships ---------------------------------------------------------------------------------------------------


def read(ctx: Context, cur: Cursor, pos: Pos, owner: Entity, relation: Relationship, via: Read | None = None) -> Value:
    """A relationship of a row is read: note what it costs, and give what it leads to."""
    status = load_status(ctx, cur, owner, relation)
    if status == "dynamic":
        return Dynamic(_asked_for(ctx, pos, owner, relation)) if relation.target is not None else UNKNOWN
    note_read(ctx, cur, pos, owner, relation.name, status, relation.many, via)
    single = innermost(ctx, owner.drawn) is None
    if relation.target is not None and (status == "loaded" or single):
        cur.held = cur.held | {(relation.target, None, "one" if single else "loaded")}
    return reached(ctx, owner, relation)


def _asked_for(ctx: Context, pos: Pos, owner: Entity, relation: Relationship) -> Entity:
    """A row of a dynamic collection: it comes from a query of its own, made here."""
    row, parent = beyond(owner, relation), owner.origin
    if parent is None:
        return row
    origin = Origin(ctx.path, pos, sid=parent.sid, certain=parent.certain, filtered=True, closed=parent.closed)
    return row._replace(origin=origin, steps=())


def reached(ctx: Context, owner: Entity, relation: Relationship) -> Value:
    """What a relationship of a row leads to: back to the parent it was drawn from, to the one parent of all rows,
    or on.
    """
    if owner.via == relation.name and owner.parent is not None and relation.many is not True:
        return owner.parent
    value = related(owner, relation)
    if isinstance(value, Entity) and is_pinned(ctx, owner, relation):
        return value._replace(drawn=())
    return value


def note_read(
    ctx: Context, cur: Cursor, pos: Pos, owner: Entity, name: str, status: str, many: bool | None, via: Read | None
) -> None:
    """Emit the read where a loop that runs now drew the row, and remember that the rows have it loaded from here on."""
    loop = innermost(ctx, owner.drawn)
    if owner.origin is None:
        return
    if status == "lazy" and owner.origin.sid is not None:
        _begins(cur, owner.origin.sid)
    path = (*owner.steps, name)
    if loop is not None:
        reader = via.qualname if via is not None and via.name == FIELD else f"{via.qualname}()" if via else ""
        told = (reader, via.pos, via.path) if via is not None else None
        ctx.emit(LazyRead(pos, loop, owner, name, status, many, told, pos))
    if status == "lazy" and (loop is not None or ctx.has_scopes) and len(cur.loaded) < 40:
        cur.loaded = cur.loaded | {(owner.origin.pos, path, loop or ONE_ROW)}


def note_each(ctx: Context, cur: Cursor, owner: Entity | Parameter, name: str, status: str) -> None:
    """A callee reads *name* of each row it was handed: the rows have it once the loops that run here have ended."""
    rows = owner.name if isinstance(owner, Parameter) else owner.origin.pos if owner.origin is not None else None
    if status == "lazy" and rows is not None and len(cur.loaded) < 40:
        loop = ctx.loops[-1] if ctx.loops else EACH_ROW
        cur.loaded = cur.loaded | {(rows, (*owner.steps, name), loop)}


def note_preloaded(cur: Cursor, bound: dict[str, Value], function: Function) -> None:
    """A callee is handed rows and asks for what it loads eagerly: what it may have loaded on them is not known."""
    if function.words & api.EAGER_OPTIONS and function.words & (api.EXECUTES | {"query"}):
        for row in (row for value in bound.values() for row in instances.entities(value)):
            if row.origin is not None:
                cur.loaded = cur.loaded | {(row.origin.pos, (*row.steps, "*"), None)}


def _begins(cur: Cursor, sid: Sid) -> None:
    """A lazy load is a statement: after a commit it begins the next transaction."""
    state = cur.sessions.get(sid)
    if state is not None and state.status == OPEN and not state.active:
        cur.sessions[sid] = state._replace(used=True, active=True)


def innermost(ctx: Context, drawn: tuple[LoopId, ...]) -> LoopId | None:
    """The innermost loop running now that drew a row."""
    return next((loop for loop in reversed(ctx.loops) if loop in drawn), None)


def load_status(ctx: Context, cur: Cursor, owner: Entity, relation: Relationship) -> str:
    """``lazy`` if reading *relation* of *owner* sends a statement, ``loaded`` if not, ``pinned``, ``dynamic``,
    or ``unknown``.
    """
    origin = owner.origin
    if relation.lazy in api.DYNAMIC:
        return "dynamic"
    if origin is None or not origin.certain or len(owner.steps) >= _MAX_STEPS:
        return "unknown"
    if owner.via == relation.name and relation.many is not True:
        return "loaded"
    if relation.many is False and is_pinned(ctx, owner, relation):
        return "pinned"
    if relation.many is False and _is_chosen(ctx, owner, relation, origin):
        return "loaded"
    if relation.many is False and relation.target is not None and _is_held(ctx, cur, relation.target, owner, origin):
        return "loaded"
    if origin.sid is not None and _is_closed(cur, origin.sid):
        return "unknown"
    if _was_read(ctx, cur, owner, relation.name):
        return "loaded"
    strategy = _effective(owner, origin, relation)
    if strategy is None:
        return "unknown"
    if strategy in api.LAZY:
        return "unknown" if _is_loaded_beside(ctx, owner, origin, relation.name) else "lazy"
    return "loaded"


def _is_loaded_beside(ctx: Context, owner: Entity, origin: Origin, name: str) -> bool:
    """Whether the query loads *name* along a path of another entity that it asks for: it may lead to the same rows."""
    return not owner.steps and any(
        len(path) > 1
        and path[-1] == name
        and strategy in api.EAGER
        and ctx.world.mappings.relationship(owner.cls, path[0]) is None
        for path, strategy in origin.options
    )


def _was_read(ctx: Context, cur: Cursor, owner: Entity, name: str) -> bool:
    """Whether another loop over the same rows read *name* of each."""
    paths = ((*owner.steps, name), (*owner.steps, "*"))
    loops = (ONE_ROW, *ctx.loops)
    return owner.origin is not None and any(
        e[0] == owner.origin.pos and e[1] in paths and e[2] not in loops for e in cur.loaded
    )


def _effective(owner: Entity, origin: Origin, relation: Relationship) -> str | None:
    """The strategy that loads *relation*: the query's, else the mapping's; None where it is not known."""
    strategy = _strategy(origin.options, owner.steps, relation.name)
    if strategy is None:
        strategy = relation.lazy
        if strategy == "joined" and relation.target is owner.cls and not relation.join_depth:
            # SQLAlchemy stops eager joins at the class itself unless join_depth is given: one statement a row.
            strategy = "select"
    return strategy


def sends(ctx: Context, cur: Cursor, owner: Entity, name: str, relation: Relationship | None) -> bool:
    """Whether reading a relationship or deferred column sends a statement (or would, were the session not closed)."""
    origin = owner.origin
    if origin is None or not origin.certain:
        return False
    if not instances.is_closed(cur, owner):
        if relation is not None:
            status = load_status(ctx, cur, owner, relation)
            held = relation.target is not None and _is_held(ctx, cur, relation.target, owner, origin)
            return status == "lazy" or status == "pinned" and not held
        return column_status(ctx, owner, name) == "lazy"
    if any(e[0] == origin.pos and e[1] in ((*owner.steps, name), (*owner.steps, "*")) for e in cur.loaded):
        return False
    if relation is None:
        return column_status(ctx, owner, name) == "lazy"
    # The identity map is of no use any more: also a many-to-one whose target the session held must have been loaded.
    inverse = owner.via == name and relation.many is not True
    return not inverse and relation.lazy not in api.DYNAMIC and _effective(owner, origin, relation) in api.LAZY


def is_pinned(ctx: Context, owner: Entity, relation: Relationship) -> bool:
    """Whether the query gives all its rows the same parent: one statement for all of them, if any."""
    origin, target = owner.origin, relation.target
    if origin is None or target is None or not origin.pinned:
        return False
    mappings = ctx.world.mappings
    keys = mappings.foreign_keys(owner.cls, relation)
    for cls, name in origin.pinned:
        if cls in mappings.lineage(owner.cls) and (name == relation.name or name in keys):
            return True
        if not owner.steps and cls in mappings.lineage(target) and mappings.is_unique(cls, name):
            return True
    return False


def hold_one(ctx: Context, cur: Cursor, value: Value) -> None:
    """A callee gave a row that it fetched for this round of a loop: the session holds it from here on."""
    if ctx.loops and isinstance(value, Entity) and value.origin is not None and not value.steps:
        cur.held = cur.held | {(value.cls, value.origin.pos, "one")}


def _is_chosen(ctx: Context, owner: Entity, relation: Relationship, origin: Origin) -> bool:
    """Whether the query asks for rows whose parents the callers hold: it was made of those parents' keys."""
    if not origin.chosen or relation.target is None:
        return False
    mappings, columns = ctx.world.mappings, ctx.world.columns
    keys = mappings.foreign_keys(owner.cls, relation)
    return any(
        cls in mappings.lineage(owner.cls) and name in keys and columns.is_whole_key(relation.target, key)
        for cls, name, key in origin.chosen
    )


def _is_held(ctx: Context, cur: Cursor, target: Class, owner: Entity, origin: Origin) -> bool:
    """Whether rows of *target* are in the session's identity map already: a many-to-one to them sends nothing.

    A query of all rows of a class holds the parents of each as well; one that filters holds them only for later
    queries. One row is the parent of all where the query chose its rows, or not at all.
    """
    held = [
        cls
        for cls, pos, which in cur.held
        if (pos != origin.pos and (which != "one" or origin.filtered))
        or (pos == origin.pos and which != "loaded" and (not origin.filtered or cls is not owner.cls))
    ]
    return any(target is cls or target in ctx.world.mappings.lineage(cls) for cls in held)


def _is_closed(cur: Cursor, sid: object) -> bool:
    state = cur.sessions.get(sid)  # type: ignore[call-overload]
    return state is not None and state.status == CLOSED


def _strategy(options: frozenset[tuple[tuple[str, ...], str]], steps: tuple[str, ...], name: str) -> str | None:
    """What the query's options say of one relationship; an eager one wins over a lazy one (it may stand on another
    branch).
    """
    # A wildcard that stands by itself goes on to what it leads to.
    for wanted in ((*steps, name), (*steps, "*"), ("*",)):
        found = [strategy for path, strategy in options if path == wanted and strategy not in api.COLUMN_LOADS]
        if found:
            return next((s for s in found if s not in api.LAZY), found[0])
    return None


def beyond(owner: Entity, relation: Relationship) -> Entity:
    """The row that one step along *relation* leads to."""
    assert relation.target is not None
    steps = (*owner.steps, relation.name)
    if relation.many:
        return Entity(relation.target, owner.origin, steps, owner.drawn, relation.inverse, owner)
    return Entity(relation.target, owner.origin, steps, owner.drawn)


def related(owner: Entity, relation: Relationship) -> Value:
    """What a relationship leads to: a row, or a collection of them."""
    if relation.target is None or relation.many is None:
        return UNKNOWN
    target = beyond(owner, relation)
    return Many(target) if relation.many else target


def column_status(ctx: Context, owner: Entity, name: str) -> str | None:
    """``lazy`` where the mapping or the query leaves a column out: read per row, it costs a statement a row.

    None for what is no column, or one that is always there.
    """
    mappings, origin = ctx.world.mappings, owner.origin
    mapped = mappings.mapped(owner.cls)
    deferred = mapped is not None and name in mapped.deferred
    options = origin.options if origin is not None else frozenset()
    said = {strategy for path, strategy in options if path == (*owner.steps, name)} & api.COLUMN_LOADS
    wild = ((*owner.steps, ALL_COLUMNS), (*owner.steps, "*"))
    said = said or {strategy for path, strategy in options if path in wild} & api.COLUMN_LOADS
    if not deferred and ("defer" not in said or not ctx.world.columns.is_deferrable(owner.cls, name)):
        return None
    if origin is None or not origin.certain or (wild[0], "unknown") in options:
        return "unknown"
    return "loaded" if "undefer" in said else "lazy"


def column_cost(ctx: Context, cur: Cursor, owner: Entity, name: str) -> str | None:
    """:func:`column_status` of a read here: what another loop has read of the rows is there."""
    status = column_status(ctx, owner, name)
    return "loaded" if status == "lazy" and _was_read(ctx, cur, owner, name) else status


def asked_contents(cur: Cursor, test: n.Compare) -> None:
    """``"pets" in inspect(owner).dict``, ``in owner.__dict__``: what is loaded is there."""
    right = test.comparators[0]
    if isinstance(test.left, n.Constant) and isinstance(right, n.Attribute) and right.attr in ("dict", "__dict__"):
        name = str(test.left.value)
        for value in list(cur.env.values()):
            if isinstance(value, Entity) and value.origin is not None:
                cur.loaded = cur.loaded | {(value.origin.pos, (*value.steps, name), EACH_ROW)}
            elif isinstance(value, Parameter):
                cur.loaded = cur.loaded | {(value.name, (*value.steps, name), EACH_ROW)}


# --- parameters ------------------------------------------------------------------------------------------------------


def write(ctx: Context, cur: Cursor, node: n.Attribute, owner: Value) -> None:
    """``owner.attr = value``: a scalar is written without loading it; a collection is loaded first,
    to see what leaves it.
    """
    if isinstance(owner, Entity):
        usage.written(ctx, cur, owner, node.attr, node.pos)
        relation = ctx.world.mappings.relationship(owner.cls, node.attr)
        if relation is not None and relation.many:
            lazy = usage.matters(ctx, cur, owner) and sends(ctx, cur, owner, node.attr, relation)
            usage.read(ctx, cur, node, owner, relation, lazy)
            read(ctx, cur, node.pos, owner, relation)
        elif relation is not None:
            note_set(cur, owner, node.attr)
    elif node.attr in ctx.world.mappings.relationship_names:
        if isinstance(owner, Parameter):
            cur.loaded = cur.loaded | {(owner.name, (*owner.steps, node.attr), None)}
        elif isinstance(owner, Instance) and len(owner.path) == 1:
            # A mixin that is not mapped itself sets it for the mapped classes that have it.
            cur.loaded = cur.loaded | {(owner.path[0], (node.attr,), None)}


def note_set(cur: Cursor, owner: Entity, name: str) -> None:
    """An attribute of a row was set without loading it: it is there from then on."""
    if owner.origin is not None:
        cur.loaded = cur.loaded | {(owner.origin.pos, (*owner.steps, name), None)}


def _parameter(ctx: Context, cur: Cursor, node: n.Attribute, owner: Parameter) -> Value:
    """An attribute of what the caller handed in: the caller's rows decide what it costs, so it is only noted."""
    if owner.steps[-1:] == (_AWAITABLE,):
        cur.loaded = cur.loaded | {(owner.name, (*owner.steps[:-1], node.attr), None)}
        return UNKNOWN
    if node.attr == _AWAITABLE:
        return owner._replace(steps=(*owner.steps, _AWAITABLE))
    if owner.cls is not None:
        relation = ctx.world.mappings.relationship(owner.cls, node.attr)
        if relation is None:
            mapped = ctx.world.mappings.mapped(owner.cls)
            if ctx.world.columns.is_whole_key(owner.cls, node.attr):
                return Key(owner, node.attr)
            if mapped is None or node.attr not in (mapped.deferred | mapped.proxies.keys()):
                return members.member(ctx, cur, node, owner)
        note_parameter_read(ctx, cur, owner, node.attr, node.pos)
        if relation is None or relation.target is None:
            return UNKNOWN
        if relation.lazy in api.DYNAMIC:
            return Dynamic(Entity(relation.target, None, via=relation.inverse))
        steps = (*owner.steps, node.attr)
        if relation.many:
            return Many(Parameter(owner.name, (*steps, "[]"), owner.drawn, relation.target))
        return Parameter(owner.name, steps, owner.drawn, relation.target)
    found = members.member(ctx, cur, node, owner)
    if found != UNKNOWN or len(owner.steps) >= _MAX_STEPS:
        return found
    if node.attr in ctx.world.reading_names:
        note_parameter_read(ctx, cur, owner, node.attr, node.pos)
    return Parameter(owner.name, (*owner.steps, node.attr), owner.drawn)


def mixed_in(ctx: Context, cur: Cursor, node: n.Attribute) -> Value:
    """A mixin's method reads ``self.attr``, which some class that has the mixin loads: its callers know which row."""
    note_parameter_read(ctx, cur, Parameter("self"), node.attr, node.pos)
    return Parameter("self", (node.attr,))


def note_parameter_read(ctx: Context, cur: Cursor, owner: Parameter, attr: str, pos: Pos) -> None:
    if is_read(ctx, cur, owner, attr):
        return
    if attr in ctx.world.mappings.relationship_names and not ctx.static:
        _begins_again(cur)
    loop = innermost(ctx, owner.drawn)
    qualname = ctx.function.qualname if ctx.function is not None else "<module>"
    under = conditions.parameter_guards(ctx)
    found = Read(owner.name, (*owner.steps, attr), pos, loop is not None, loop, ctx.path, qualname, under)
    ctx.reads[found] = None


def is_read(ctx: Context, cur: Cursor, owner: Parameter, attr: str) -> bool:
    """Whether an attribute of what was handed in was set before, or read of every row."""
    path = (*owner.steps, attr)
    return any(e[0] == owner.name and e[1] == path and e[2] not in ctx.loops for e in cur.loaded)


def _begins_again(cur: Cursor) -> None:
    """A relationship of a row that was handed in is read after the one session handed in was committed."""
    given = [sid for sid in cur.sessions if sid.owner in ("parameter", "injected", "instance", "held")]
    if len(given) == 1 and "commit" in cur.sessions[given[0]].ended:
        _begins(cur, given[0])


# --- iterating and indexing ------------------------------------------------------------------------------------------


def draw(ctx: Context, cur: Cursor, source: Value, loop: LoopId, node: n.Expr) -> Value:
    """One item of what a loop iterates, marked as drawn by it."""
    from sqla_lint.flow.reading import queries

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
        return source.item if source.single or source.fixed else drawn_by(source.item, loop)
    if isinstance(source, Mapping):
        return drawn_by(source.key, loop)
    if isinstance(source, Pair):
        first: Value = source.items[0] if source.items else UNKNOWN
        return reduce(join, source.items[1:], first)
    if isinstance(source, Parameter) and source.cls is None and len(source.steps) < _MAX_STEPS:
        return Parameter(source.name, (*source.steps, "[]"), (*source.drawn, loop))
    return UNKNOWN


def drawn_by(value: Value, loop: LoopId) -> Value:
    """*value* as an item that *loop* drew."""
    if isinstance(value, (Entity, Parameter)):
        return value._replace(drawn=(*value.drawn, loop)) if loop not in value.drawn else value
    if isinstance(value, Pair):
        return Pair(tuple(drawn_by(item, loop) for item in value.items))
    if isinstance(value, Record):
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
    if isinstance(value, Pair):
        return Pair(tuple(undrawn(item, loop) for item in value.items))
    if isinstance(value, Record):
        return value._replace(values=tuple(undrawn(item, loop) for item in value.values))
    if isinstance(value, Instance) and value.held:
        return value._replace(held=tuple((name, undrawn(item, loop)) for name, item in value.held))
    if isinstance(value, Many):
        return value._replace(item=undrawn(value.item, loop))
    return value._replace(row=value.row._replace(drawn=())) if isinstance(value, Key) else value


def subscript(ctx: Context, cur: Cursor, node: n.Subscript, owner: Value, index: Value) -> Value:
    """``owner[index]``: an item, or a part of a collection."""
    from sqla_lint.flow.reading import queries, rows
    from sqla_lint.flow.rendering import serializing

    if isinstance(owner, Query):
        queries.run(ctx, cur, owner, node.pos)
        owner = Many(Pair((owner.row,)) if owner.wraps else owner.row)
    if isinstance(owner, Dynamic):
        asking.note(ctx, None, node.pos)
        owner = Many(owner.row)
    if isinstance(node.key, n.Slice):
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
    elif isinstance(owner, Parameter) and owner.cls is None and len(owner.steps) < _MAX_STEPS:
        if isinstance(index, Literal) and index.type == "str":
            return Parameter(owner.name, (*owner.steps, at(index.value)), owner.drawn)
        item = Parameter(owner.name, (*owner.steps, "[]"), owner.drawn)
    if not isinstance(index, Literal) and ctx.loops:
        return drawn_by(item, ctx.loops[-1])
    return item
