"""What using an instance does: reading what is expired, not loaded or not made yet; handing it on; leaving with it."""

from __future__ import annotations

from sqla_lint.flow.context import Context, describe
from sqla_lint.flow.facts import AsyncRead, Detached, KeyRead
from sqla_lint.flow.instances import entities, is_closed, known, session_of, shared
from sqla_lint.flow.state import OPEN, Cursor, InstanceId, InstanceState
from sqla_lint.flow.summary import Summary
from sqla_lint.flow.values import Entity, Many, Pair, Value
from sqla_lint.index.mapped import Relationship
from sqla_lint.index.module import Function, own_nodes
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos


def read(
    ctx: Context, cur: Cursor, node: n.Attribute, entity: Entity, relation: Relationship | None, lazy: bool
) -> None:
    """An attribute of an instance is read: what that fails with, and what it loads. *lazy* if it sends a statement."""
    if ctx.static or node.attr.startswith("__"):
        return
    found = known(cur, entity)
    if found is None:
        return
    key, state = found
    if not (relation is not None or ctx.world.columns.is_stored(entity.cls, node.attr)):
        return
    if state.keyless and node is not ctx.tested and node.attr in ctx.world.columns.generated(entity.cls):
        ctx.emit(KeyRead(node.pos, key, entity.cls.name, node.attr, describe(node.value)))
    if is_closed(cur, entity):
        cause = state.expired
        if cause is not None or lazy and not state.shared:
            ctx.emit(Detached(node.pos, key, describe(node.value), node.attr, "read", cause))
    elif _is_async(ctx, cur, entity) and not ctx.in_sync:
        _read_async(ctx, node.pos, describe(node.value), node.attr, key, state, lazy)
    if state.expired is not None and not is_closed(cur, entity):
        cur.instances[key] = state._replace(expired=None)


def _is_async(ctx: Context, cur: Cursor, entity: Entity) -> bool:
    sid = session_of(cur, entity)
    return sid is not None and ctx.is_async(sid)


def _read_async(
    ctx: Context, pos: Pos, text: str, attribute: str, key: InstanceId, state: InstanceState, lazy: bool
) -> None:
    if state.expired is not None or lazy and not state.shared:
        ctx.emit(AsyncRead(pos, key, text, attribute, state.expired))


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
            elif not _is_receiver(function, name) or summary.effects or summary.bounded:
                shared(ctx, cur, entity)


def _is_receiver(function: Function, name: str) -> bool:
    return function.cls is not None and bool(function.node.params) and function.node.params[0].name == name


def _first_read(ctx: Context, function: Function, name: str, entity: Entity) -> str | None:
    """The first column or relationship that a function reads of a parameter."""
    reads = [
        node
        for node in own_nodes(function.node.body)
        if isinstance(node, n.Attribute)
        and isinstance(node.value, n.Name)
        and node.value.id == name
        and ctx.world.columns.is_stored(entity.cls, node.attr)
    ]
    return min(reads, key=lambda node: node.pos).attr if reads else None


def read_by_callee(ctx: Context, cur: Cursor, entity: Entity, name: str, callee: str, pos: Pos) -> None:
    """A callee reads a relationship or deferred column of an instance that is not loaded."""
    found = known(cur, entity)
    if ctx.static or found is None or found[1].expired is not None or found[1].shared:
        return
    if is_closed(cur, entity):
        ctx.emit(Detached(pos, found[0], callee, name, "call", None))
    elif _is_async(ctx, cur, entity) and not ctx.in_sync:
        ctx.emit(AsyncRead(pos, found[0], callee, name, None))


def written(ctx: Context, cur: Cursor, entity: Entity, name: str, pos: Pos) -> None:
    """An attribute of an instance is set."""
    if ctx.static or not ctx.world.columns.is_stored(entity.cls, name):
        return
    found = known(cur, entity)
    if found is None:
        return
    key, state = found
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
    """*value* as the caller has it: rows whose session was closed behind them, with what had been loaded."""
    if isinstance(value, Entity) and value.origin is not None and is_closed(cur, value):
        origin = value.origin
        told = {(path, "loaded") for where, path, _ in cur.loaded if where == origin.pos}
        return value._replace(origin=origin._replace(closed=True, options=origin.options | told), parent=None)
    if isinstance(value, Many):
        return value._replace(item=released(cur, value.item), parts=())
    if isinstance(value, Pair):
        return Pair(tuple(released(cur, item) for item in value.items))
    return value
