"""What using an instance does: reading what is expired, not loaded or not made yet; handing it on; leaving with it."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes import instances, keeping
from sqla_lint.flow.lifetimes.instances import autoflushed, entities, is_closed, known, session_of, shared, touched
from sqla_lint.flow.reading import strategies
from sqla_lint.flow.reading.strategies import ONE_ROW
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context, describe, dotted
from sqla_lint.flow.terms.events import AsyncRead, Detached, KeyRead
from sqla_lint.flow.terms.row_values import Entity, Forked, Many, Pair
from sqla_lint.flow.terms.state import OPEN, Cursor, InstanceState
from sqla_lint.flow.terms.summary import Summary
from sqla_lint.flow.terms.values import FunctionValue
from sqla_lint.index.mapped import Relationship
from sqla_lint.index.module import Function, names_in, own_nodes, statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos


def matters(ctx: Context, cur: Cursor, entity: Entity) -> bool:
    """Whether it makes a difference that a read sends a statement, its cost in a loop aside."""
    return bool(cur.instances) or is_closed(cur, entity) or _is_async(ctx, cur, entity)


def read(
    ctx: Context, cur: Cursor, node: n.Attribute, entity: Entity, relation: Relationship | None, lazy: bool
) -> None:
    """An attribute of an instance is read: what that fails with, and what it loads. *lazy* if it sends a statement."""
    if node.attr == "__dict__":
        shared(ctx, cur, entity)
    if ctx.static or node.attr.startswith("__"):
        return
    found = known(cur, entity)
    if found is None:
        return
    key, state = found
    lazy = lazy and eager(node.attr) not in cur.env
    if not (relation is not None or ctx.world.columns.is_stored(entity.cls, node.attr)):
        return
    if entity.origin is None and relation is not None:
        lazy = _is_never_loaded(ctx, cur, entity, relation, state)
        state = touched(cur, key, state, node.attr)
    if state.keyless and not _is_tested(ctx, node) and node.attr in ctx.world.columns.generated(entity.cls):
        # In a handler, what went wrong may be that very flush: there None is the truth.
        if not any(one.handler is not None and key[1] < one.handler for one in cur.caught):
            ctx.emit(KeyRead(node.pos, key, entity.cls.name, node.attr, describe(node.value)))
    if is_closed(cur, entity):
        cause = state.expired
        if cause is not None or lazy and not state.shared:
            ctx.emit(Detached(node.pos, key, describe(node.value), node.attr, "read", cause))
    elif _is_async(ctx, cur, entity) and not ctx.in_sync:
        if state.expired is not None or lazy and not state.shared:
            sure = not is_expected(ctx, node.pos)
            sure = sure and (state.expired is not None or not keeping.may_be_there(ctx, cur, entity, relation))
            ctx.emit(AsyncRead(node.pos, key, describe(node.value), node.attr, state.expired, sure))
    if is_closed(cur, entity):
        return
    sid = session_of(cur, entity)
    if sid is not None and (lazy or state.expired is not None):
        autoflushed(ctx, cur, sid)
    if state.expired is not None or state.committed is not None:
        cur.instances[key] = cur.instances.get(key, state)._replace(expired=None, committed=None)


def _is_never_loaded(ctx: Context, cur: Cursor, entity: Entity, relation: Relationship, state: InstanceState) -> bool:
    """Whether a relationship of an instance built here is read after the flush for the first time: that loads it."""
    known_names = state.touched
    if not state.saved or known_names is None or relation.name in known_names or relation.lazy not in api.LAZY:
        return False
    if relation.many is not False or relation.target is None:
        return relation.many is True
    keys = ctx.world.mappings.foreign_keys(entity.cls, relation)
    target = relation.target
    here = any(one.cls is target for value in cur.env.values() for one in entities(value))
    # Without a key there is nothing to load; what the session holds is found there.
    return not here and not any(held[0] is target for held in cur.held) and (not keys or bool(keys & known_names))


def passed(cur: Cursor, source: Value, name: str, body: tuple[n.Stmt, ...]) -> None:
    """After a loop over *source*: what its rounds used by *name* was loaded again. Without a round there was none."""
    if not cur.instances:
        return
    held = [(entity, found) for entity in entities(source) if (found := known(cur, entity)) is not None]
    if any(found[1].expired or found[1].committed for _, found in held) and _uses(name, body):
        for entity, (key, state) in held:
            if not is_closed(cur, entity):
                cur.instances[key] = state._replace(expired=None, committed=None)


def _uses(name: str, body: tuple[n.Stmt, ...]) -> bool:
    """Whether statements read an attribute of *name*, or hand it to a call."""
    nodes = tuple(own_nodes(body))
    written = {target for node in nodes if isinstance(node, n.Assign) for target in node.targets}
    return any(
        isinstance(node, n.Attribute) and isinstance(node.value, n.Name) and node.value.id == name
        if isinstance(node, n.Attribute) and node not in written
        else isinstance(node, n.Call) and any(isinstance(arg, n.Name) and arg.id == name for arg in node.args)
        for node in nodes
    )


def eager(name: str) -> str:
    """The key of the state that says that a query has loaded the relationship *name* of rows that were held."""
    return f"%eager.{name}"


def _is_tested(ctx: Context, node: n.Attribute) -> bool:
    """Whether a key is compared with None, or only read where a test has found it there."""
    if node is ctx.tested:
        return True
    key = dotted(node)
    return key is not None and any(
        guard.outcome and guard.test is not None and dotted(guard.test) == key for guard in ctx.guards
    )


def shown(ctx: Context, cur: Cursor, value: Value, pos: Pos) -> None:
    """An instance is turned into text: its class may read anything of it."""
    from sqla_lint.flow.evaluation import calls

    if ctx.static or not isinstance(value, Entity):
        return
    methods = (ctx.world.method(value.cls, name) for name in ("__format__", "__str__", "__repr__"))
    method = next((method for method in methods if method is not None), None)
    if method is not None and (is_closed(cur, value) or _is_async(ctx, cur, value) and not ctx.in_sync):
        calls.project(ctx, cur, pos, FunctionValue(method, value), [], {}, method.node.name)
    elif method is not None:
        shared(ctx, cur, value)


def _is_async(ctx: Context, cur: Cursor, entity: Entity) -> bool:
    sid = session_of(cur, entity)
    return sid is not None and ctx.is_async(sid)


def awaits(ctx: Context, cur: Cursor, entity: Entity, name: str) -> bool:
    """Whether reading a relationship of an instance fails since nothing awaits its statement."""

    relation = ctx.world.mappings.relationship(entity.cls, name)
    asks = relation is not None and _is_async(ctx, cur, entity) and not ctx.in_sync
    return asks and strategies.sends(ctx, cur, entity, name, relation)


def is_expected(ctx: Context, pos: Pos) -> bool:
    """Whether a handler around *pos* takes what a lazy load raises where nothing awaits it."""
    function = ctx.function
    if function is None or api.NOT_AWAITED not in function.words:
        return False
    tries = (stmt for stmt in statements(function.node.body) if isinstance(stmt, n.Try))
    return any(
        handler.type is not None and api.NOT_AWAITED in names_in(handler.type)
        for stmt in tries
        if any(part.pos[:2] <= pos[:2] <= part.pos[2:] for part in stmt.body)
        for handler in stmt.handlers
    )


def handed(ctx: Context, cur: Cursor, bound: dict[str, Value], function: Function, summary: Summary, pos: Pos) -> None:
    """A project function is called with instances: what it reads of one whose session is gone fails there."""
    if ctx.static:
        return
    for name, value in bound.items():
        for entity in entities(value):
            found = known(cur, entity)
            if found is None:
                continue
            if is_closed(cur, entity):
                attribute = _first_read(ctx, function, name, entity) if found[1].expired is not None else None
                if attribute is not None:
                    cause = found[1].expired
                    ctx.emit(Detached(pos, found[0], function.node.name + "()", attribute, "call", cause))
                continue
            if found[1].expired is not None and _is_async(ctx, cur, entity) and not ctx.in_sync:
                attribute = _first_read(ctx, function, name, entity)
                if attribute is not None and not function.node.is_async:
                    text = f"{function.node.name}()"
                    ctx.emit(AsyncRead(pos, found[0], text, attribute, found[1].expired))
            if not _is_receiver(function, name) or summary.effects or summary.bounded:
                shared(ctx, cur, entity)
            else:
                # A method of its own: what it reads is loaded again, and it may set the key.
                keyless = found[1].keyless and not _sets(ctx, function, entity)
                cur.instances[found[0]] = found[1]._replace(expired=None, committed=None, keyless=keyless)


def _sets(ctx: Context, function: Function, entity: Entity) -> bool:
    """Whether a method may set the key of its object, itself or through another one."""
    me = function.node.params[0].name
    return bool(function.words & {"setattr", "__dict__"}) or any(
        isinstance(node, n.Attribute)
        and isinstance(node.value, n.Name)
        and node.value.id == me
        and (
            node.attr in ctx.world.columns.generated(entity.cls) or ctx.world.method(entity.cls, node.attr) is not None
        )
        for node in own_nodes(function.node.body)
    )


def _is_receiver(function: Function, name: str) -> bool:
    return function.cls is not None and bool(function.node.params) and function.node.params[0].name == name


def _first_read(ctx: Context, function: Function, name: str, entity: Entity) -> str | None:
    """The first column or relationship that a function reads of a parameter."""
    body = tuple(own_nodes(function.node.body))
    written = {target.pos for node in body if isinstance(node, n.Assign) for target in node.targets}
    reads = [
        node
        for node in body
        if isinstance(node, n.Attribute)
        and node.pos not in written
        and isinstance(node.value, n.Name)
        and node.value.id == name
        and ctx.world.columns.is_stored(entity.cls, node.attr)
    ]
    return min(reads, key=lambda node: node.pos).attr if reads else None


def read_by_callee(
    ctx: Context, cur: Cursor, entity: Entity, name: str, callee: str, pos: Pos, may_load: bool = False
) -> None:
    """A callee reads a relationship or deferred column of an instance that is not loaded, unless it *may load* it."""
    found = known(cur, entity)
    if ctx.static or found is None or found[1].expired is not None or found[1].shared or eager(name) in cur.env:
        return
    if is_closed(cur, entity):
        ctx.emit(Detached(pos, found[0], callee, name, "call", None))
    elif _is_async(ctx, cur, entity) and not ctx.in_sync:
        there = keeping.may_be_there(ctx, cur, entity, ctx.world.mappings.relationship(entity.cls, name))
        sure = not (there or may_load or is_expected(ctx, pos))
        ctx.emit(AsyncRead(pos, found[0], callee, name, None, sure))


def written(ctx: Context, cur: Cursor, entity: Entity, name: str, pos: Pos) -> None:
    """An attribute of an instance is set."""
    if not ctx.static and ctx.world.mappings.relationship(entity.cls, name) is not None:
        instances.hooked(cur, entity)
    if ctx.static or not ctx.world.columns.is_stored(entity.cls, name):
        return
    found = known(cur, entity)
    if found is None:
        return
    key, state = found
    state = touched(cur, key, state, name)
    if state.expired is not None or state.committed is not None:
        # What is set needs no load; of the others nothing is said.
        state = state._replace(expired=None, committed=None)
        cur.instances[key] = state
    if state.keyless and name in ctx.world.columns.generated(entity.cls):
        cur.instances[key] = state._replace(keyless=False)
    session = cur.sessions.get(state.sid) if state.sid is not None else None
    if state.sid is not None and session is not None and session.status == OPEN and session.changed is None:
        if not state.spared:
            cur.sessions[state.sid] = session._replace(changed=pos)


# --- ways out --------------------------------------------------------------------------------------------------------


def left(ctx: Context, cur: Cursor, pos: Pos) -> None:
    """The function returns: what it gives back that cannot be used any more."""
    for entity in entities(cur.result):
        found = known(cur, entity)
        if found is not None and found[1].expired is not None and is_closed(cur, entity):
            ctx.emit(Detached(pos, found[0], entity.cls.name, None, "return", found[1].expired))


def released(cur: Cursor, value: Value) -> Value:
    """*value* as the caller has it: rows with what was loaded of each; closed, if their session was behind them."""
    if isinstance(value, Entity) and value.origin is not None:
        origin, closed = value.origin, is_closed(cur, value)
        loaded = (path for where, path, loop in cur.loaded if where == origin.pos and (closed or loop != ONE_ROW))
        origin = origin._replace(closed=closed, options=origin.options | {(path, "loaded") for path in loaded})
        return value._replace(origin=origin, parent=None if closed else value.parent)
    if isinstance(value, Many):
        return value._replace(item=released(cur, value.item), parts=())
    if isinstance(value, Forked):
        return Forked(tuple(released(cur, way) for way in value.ways))
    if isinstance(value, Pair):
        return Pair(tuple(released(cur, item) for item in value.items))
    return value
