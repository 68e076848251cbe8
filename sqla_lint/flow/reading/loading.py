"""What reading an attribute does: which relationships of which rows are loaded, and what a read costs in a loop."""

from __future__ import annotations

from functools import reduce

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import kinds, members
from sqla_lint.flow.lifetimes import instances, usage
from sqla_lint.flow.reading import asking, held_rows, parents
from sqla_lint.flow.reading.strategies import (
    ALL_BELOW,
    EACH_ROW,
    MAX_STEPS,
    ONE_ROW,
    column_cost,
    has_no_key,
    is_pinned,
    leads_nowhere,
    load_status,
    sends,
)
from sqla_lint.flow.solver import conditions
from sqla_lint.flow.terms.basis import LoopId, Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import LazyRead
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import (
    AwaitableAttrs,
    Dynamic,
    Entity,
    Forked,
    Key,
    Many,
    Origin,
    Reference,
    ways_of,
)
from sqla_lint.flow.terms.state import OPEN, Cursor
from sqla_lint.flow.terms.summary import Read
from sqla_lint.flow.terms.values import UNKNOWN, FunctionValue, Instance, Method, Parameter
from sqla_lint.index.mapped import Relationship
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# In place of a parameter: it is a serializer's field that reads the row.
FIELD = "%field"
# An attribute of a row's class with which what it has can be awaited.
_AWAITABLE = "awaitable_attrs"


def at(key: object) -> str:
    """The step that takes what a dictionary has under a literal key."""
    return f"[{key!r}]"


def attribute(ctx: Context, cur: Cursor, node: n.Attribute, owner: Value, via: Read | None = None) -> Value:
    """``owner.attr`` read, *via* a field that does: the value, with what the read does noted."""
    if isinstance(owner, Forked):
        return _of_each(ctx, cur, node, owner, via)
    if isinstance(owner, AwaitableAttrs):
        return _awaitable(ctx, cur, node, owner.owner)
    if isinstance(owner, Entity):
        if node.attr == _AWAITABLE:
            return AwaitableAttrs(owner)
        return _entity(ctx, cur, node, owner, via)
    if isinstance(owner, Parameter):
        return _parameter(ctx, cur, node, owner)
    return members.member(ctx, cur, node, owner)


def _of_each(ctx: Context, cur: Cursor, node: n.Attribute, owner: Forked, via: Read | None) -> Value:
    """The same of each way that a row may have come by; of methods, each is that of its own."""
    ways = kinds.having(ctx, owner, node.attr)
    if not ways:
        return UNKNOWN
    found = tuple(dict.fromkeys(attribute(ctx, cur, node, way, via) for way in ways))
    if len(found) == 1:
        return found[0]
    if all(isinstance(one, (Key, Reference)) for one in found):
        return Forked(found)
    called = [one for one in found if isinstance(one, (FunctionValue, Method))]
    is_called = called and all(isinstance(one, Parameter) or one in called for one in found)
    return Forked(found) if is_called else reduce(join, found)


def _entity(ctx: Context, cur: Cursor, node: n.Attribute, owner: Entity, via: Read | None) -> Value:
    mapped = ctx.world.mappings.mapped(owner.cls)
    relation = ctx.world.mappings.relationship(owner.cls, node.attr)
    if relation is not None and has_no_key(ctx, node, owner.cls):
        return related(owner, relation)
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
    key = held_rows.key_of(ctx, owner, node.attr)
    return key if key != UNKNOWN else members.member(ctx, cur, node, owner)


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
    lazy = usage.matters(ctx, cur, owner) and sends(ctx, cur, owner, first, relation)
    usage.read(ctx, cur, node._replace(attr=first), owner, relation, lazy)
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
    if relation.target is not None and (status == "loaded" or single or owner.origin is None):
        where = owner.origin.pos if owner.origin is not None and not owner.steps and not single else None
        which = "one" if single else parents.SIBLING if where is not None else "loaded"
        cur.held = cur.held | {(relation.target, where, which)}
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
    on, or nowhere.
    """
    if owner.via == relation.name and owner.parent is not None and relation.many is not True:
        return owner.parent
    value = UNKNOWN if leads_nowhere(owner, relation) else related(owner, relation)
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
                cur.loaded = cur.loaded | {(row.origin.pos, (*row.steps, ALL_BELOW), None)}


def _begins(cur: Cursor, sid: Sid) -> None:
    """A lazy load is a statement: after a commit it begins the next transaction."""
    state = cur.sessions.get(sid)
    if state is not None and state.status == OPEN and not state.active:
        cur.sessions[sid] = state._replace(used=True, active=True)


def innermost(ctx: Context, drawn: tuple[LoopId, ...]) -> LoopId | None:
    """The innermost loop running now that drew a row."""
    return next((loop for loop in reversed(ctx.loops) if loop in drawn), None)


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


def asked_contents(cur: Cursor, test: n.Compare) -> None:
    """``"pets" in inspect(owner).dict``, ``in owner.__dict__``, ``not in inspect(owner).unloaded``: who looks first
    knows what is there.
    """
    right = test.comparators[0]
    asked = right.attr if isinstance(right, n.Attribute) else ""
    if isinstance(test.left, n.Constant) and asked in ("dict", "__dict__", "unloaded"):
        name = str(test.left.value)
        for value in [way for known in cur.env.values() for way in ways_of(known)]:
            if isinstance(value, Entity) and value.origin is not None:
                cur.loaded = cur.loaded | {(value.origin.pos, (*value.steps, name), EACH_ROW)}
            elif isinstance(value, Parameter):
                cur.loaded = cur.loaded | {(value.name, (*value.steps, name), EACH_ROW)}


# --- parameters ------------------------------------------------------------------------------------------------------


def write(ctx: Context, cur: Cursor, node: n.Attribute, owner: Value) -> None:
    """``owner.attr = value``: a scalar is written without loading it; a collection is loaded first,
    to see what leaves it.
    """
    for way in owner.ways if isinstance(owner, Forked) else ():
        write(ctx, cur, node, way)
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
            key = held_rows.key_of(ctx, owner, node.attr)
            if key != UNKNOWN:
                return key
            if mapped is None or node.attr not in mapped.deferred | mapped.proxies.keys() | ctx.world.left_out:
                return members.member(ctx, cur, node, owner)
        if relation is None or not has_no_key(ctx, node, owner.cls):
            note_parameter_read(ctx, cur, owner, node.attr, node.pos)
        if relation is None or relation.target is None:
            return UNKNOWN
        if relation.lazy in api.DYNAMIC:
            # Whoever hands the row in: the query for what it has is made here.
            return Dynamic(Entity(relation.target, Origin(ctx.path, node.pos, filtered=True), via=relation.inverse))
        if innermost(ctx, owner.drawn) is None:
            cur.held = cur.held | {(relation.target, None, "one")}
        steps = (*owner.steps, node.attr)
        if relation.many:
            return Many(owner._replace(steps=(*steps, "[]"), cls=relation.target))
        return owner._replace(steps=steps, cls=relation.target)
    found = members.member(ctx, cur, node, owner)
    if found != UNKNOWN or len(owner.steps) >= MAX_STEPS:
        return found
    if node.attr in ctx.world.reading_names:
        note_parameter_read(ctx, cur, owner, node.attr, node.pos)
    return owner._replace(steps=(*owner.steps, node.attr), cls=None)


def mixed_in(ctx: Context, cur: Cursor, node: n.Attribute) -> Value:
    """A mixin's method reads ``self.attr``, which some class that has the mixin loads: its callers know which row."""
    note_parameter_read(ctx, cur, Parameter("self"), node.attr, node.pos)
    return Parameter("self", (node.attr,))


def note_parameter_read(ctx: Context, cur: Cursor, owner: Parameter, attr: str, pos: Pos) -> None:
    if is_read(ctx, cur, owner, attr) or usage.is_expected(ctx, pos):
        return
    if attr in ctx.world.mappings.relationship_names and not ctx.static:
        _begins_again(cur)
    loop = innermost(ctx, owner.drawn)
    qualname = ctx.function.qualname if ctx.function is not None else "<module>"
    under = (*conditions.parameter_guards(ctx), *owner.under)
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
