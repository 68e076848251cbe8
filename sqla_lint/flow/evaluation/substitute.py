"""A function's summary at one call of it: its parameters replaced by the arguments, its effects applied,
its reads judged.
"""

from __future__ import annotations

from functools import reduce

from sqla_lint.flow.evaluation import frameworks, kinds
from sqla_lint.flow.lifetimes import aliases, instances, ownership, sessions, transitions
from sqla_lint.flow.reading import loading, strategies
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Closing, Ended
from sqla_lint.flow.terms.joining import is_empty, join
from sqla_lint.flow.terms.row_values import Dynamic, Entity, Forked, Key, Many, OneOf, Pair, Query, Record, Reference
from sqla_lint.flow.terms.session_values import Registry, Scope, Session, Transaction
from sqla_lint.flow.terms.state import CLOSED, GONE, OPEN, Cursor, Raised
from sqla_lint.flow.terms.summary import Effect, Generator, Summary
from sqla_lint.flow.terms.values import (
    AT_ANY,
    NONE,
    UNKNOWN,
    ClassValue,
    Either,
    FunctionValue,
    Instance,
    JinjaTemplate,
    LambdaValue,
    Mapping,
    Parameter,
    Partial,
)
from sqla_lint.index.module import Function
from sqla_lint.lower.nodes import Pos

Bound = dict[str, Value]

# Owners whose session is the same one seen from the caller.
_SHARED = ("registry", "module", "closure")


# --- values ----------------------------------------------------------------------------------------------------------


def value(ctx: Context, cur: Cursor, what: Value, bound: Bound, pos: Pos) -> Value:
    """A callee's value as the caller has it."""
    if isinstance(what, Session):
        return _session(ctx, cur, what, bound, pos)
    if isinstance(what, Either):
        if _is_left_out(what.given, bound):
            return value(ctx, cur, what.made, bound, pos)
        given = value(ctx, cur, what.given, bound, pos)
        return value(ctx, cur, what.made, bound, pos) if given in (NONE, UNKNOWN) else given
    if isinstance(what, Parameter):
        return walk(ctx, bound.get(what.name, UNKNOWN), what.steps)
    if isinstance(what, Entity):
        origin = what.origin
        if origin is not None and origin.sid is not None:
            origin = origin._replace(sid=resolve_sid(ctx, origin.sid, bound))
        # Two calls of a function that builds one give two instances.
        return what._replace(origin=origin, drawn=(), made=(ctx.path, pos) if what.made is not None else None)
    if isinstance(what, (Many, Dynamic)):
        inner = what.item if isinstance(what, Many) else what.row
        changed = value(ctx, cur, inner, bound, pos)
        return what._replace(item=changed) if isinstance(what, Many) else Dynamic(changed)
    if isinstance(what, Forked):
        return _forked(ctx, cur, what, bound, pos)
    if isinstance(what, Pair):
        return Pair(tuple(value(ctx, cur, item, bound, pos) for item in what.items))
    if isinstance(what, (Key, Reference)):
        return UNKNOWN
    if isinstance(what, (Record, OneOf)):
        return what._replace(values=tuple(value(ctx, cur, item, bound, pos) for item in what.values))
    if isinstance(what, Mapping):
        return Mapping(value(ctx, cur, what.key, bound, pos), value(ctx, cur, what.value, bound, pos))
    if isinstance(what, Query):
        sid = resolve_sid(ctx, what.origin.sid, bound) if what.origin.sid is not None else None
        from sqla_lint.flow.reading import queries

        return queries.changed(what, sid=sid)
    if isinstance(what, Instance):
        return _instance(ctx, cur, what, bound, pos)
    if isinstance(what, Transaction):
        found = resolve_sid(ctx, what.sid, bound)
        return what._replace(sid=found) if found is not None else UNKNOWN
    if isinstance(what, Scope):
        return UNKNOWN
    if isinstance(what, (LambdaValue, Partial)):
        return UNKNOWN
    if isinstance(what, JinjaTemplate):
        return what._replace(name=value(ctx, cur, what.name, bound, pos))
    if isinstance(what, FunctionValue) and what.receiver is not None and not isinstance(what.receiver, ClassValue):
        return what._replace(receiver=value(ctx, cur, what.receiver, bound, pos))
    return what


def _forked(ctx: Context, cur: Cursor, what: Forked, bound: Bound, pos: Pos) -> Value:
    """The ways of a callee that are open to this call: nothing is reached from what it leaves out."""
    found: list[Value] = []
    for way in sorted(what.ways, key=_root_of_given):
        root = _root_of_given(way)
        if (not root or bound.get(root) != NONE) and not _leads_nowhere(ctx, way, bound):
            found.append(value(ctx, cur, way, bound, pos))
    found = [way for way in found if not is_empty(way)] or found[:1]
    if UNKNOWN in found or not found:
        return UNKNOWN
    return Forked(tuple(found)) if len(found) > 1 else found[0]


def _leads_nowhere(ctx: Context, way: Value, bound: Bound) -> bool:
    """Whether the caller's rows were asked for without what a way leads to: ``noload("picture")``."""
    steps = way.steps if isinstance(way, Parameter) else ()
    owner = walk(ctx, bound.get(way.name, UNKNOWN), steps[:-1]) if isinstance(way, Parameter) and steps else UNKNOWN
    relation = ctx.world.mappings.relationship(owner.cls, steps[-1]) if isinstance(owner, Entity) else None
    return isinstance(owner, Entity) and relation is not None and strategies.leads_nowhere(owner, relation)


def _root_of_given(way: Value) -> str:
    """The parameter that a way leads from; empty for one that a query gave."""
    inner = way.item if isinstance(way, Many) else way
    return inner.name if isinstance(inner, Parameter) else ""


def _is_left_out(what: Value, bound: Bound) -> bool:
    """Whether a call leaves out the session that a callee would be given."""
    return isinstance(what, Session) and len(what.sid.path) == 1 and bound.get(what.sid.path[0]) == NONE


def _session(ctx: Context, cur: Cursor, what: Session, bound: Bound, pos: Pos) -> Value:
    if what.sid.owner == "local":
        return sessions.create(ctx, cur, what.settings, pos)
    if what.sid.owner in (*_SHARED, "kept", "injected"):
        return what
    found = _resolve(ctx, what.sid, bound)
    return found if isinstance(found, Session) else Session(Sid("kept", what.sid.path, what.sid.pos), what.settings)


def _instance(ctx: Context, cur: Cursor, what: Instance, bound: Bound, pos: Pos) -> Value:
    if what.path and what.path[0] in bound:
        return walk(ctx, bound[what.path[0]], what.path[1:])
    held = tuple((name, value(ctx, cur, item, bound, pos)) for name, item in what.held)
    return what._replace(path=(), held=held)


def walk(ctx: Context, start: Value, steps: tuple[str, ...]) -> Value:
    """What following attribute names and ``[]`` from a value leads to, without noting any read."""
    for step in steps:
        start = one_step(ctx, start, step)
    return start


def one_step(ctx: Context, owner: Value, step: str) -> Value:
    if isinstance(owner, Forked):
        ways = kinds.having(ctx, owner, step)
        return reduce(join, [one_step(ctx, way, step) for way in ways]) if ways else UNKNOWN
    if step == AT_ANY and isinstance(owner, Mapping):
        return owner.value
    if step in ("[]", AT_ANY):
        if isinstance(owner, Many):
            return owner.item
        if isinstance(owner, Query):
            return owner.row
        if isinstance(owner, Parameter):
            return owner._replace(steps=(*owner.steps, step)) if owner.cls is None else UNKNOWN
        return owner.row if isinstance(owner, Dynamic) else UNKNOWN
    if step.startswith("["):
        return _under_key(owner, step)
    if isinstance(owner, Entity):
        relation = ctx.world.mappings.relationship(owner.cls, step)
        return loading.reached(ctx, owner, relation) if relation is not None else UNKNOWN
    if isinstance(owner, Parameter):
        return _parameter_step(ctx, owner, step)
    if isinstance(owner, Instance):
        found = dict(owner.held).get(step)
        return found if found is not None else ctx.world.attribute(owner, step)
    if isinstance(owner, ClassValue):
        return ctx.world.class_attribute(owner.cls, step)
    return owner.named(step) or UNKNOWN if isinstance(owner, Pair) else UNKNOWN


def _under_key(owner: Value, step: str) -> Value:
    """What a dictionary has under the literal key that *step* names."""
    if isinstance(owner, Record):
        found = [value for key, value in zip(owner.keys, owner.values) if loading.at(key) == step]
        return found[0] if len(found) == 1 else UNKNOWN
    if isinstance(owner, Parameter) and owner.cls is None:
        return owner._replace(steps=(*owner.steps, step))
    return owner.value if isinstance(owner, Mapping) else UNKNOWN


def _parameter_step(ctx: Context, owner: Parameter, step: str) -> Value:
    steps = (*owner.steps, step)
    if owner.cls is None:
        return owner._replace(steps=steps)
    relation = ctx.world.mappings.relationship(owner.cls, step)
    if relation is None or relation.target is None:
        return UNKNOWN
    if relation.many:
        return Many(owner._replace(steps=(*steps, "[]"), cls=relation.target))
    return owner._replace(steps=steps, cls=relation.target)


def kept(ctx: Context, cur: Cursor, what: Value, bound: Bound, pos: Pos) -> Value:
    """What a generator yields, for whoever iterates it: a session in it stays the generator's own."""
    if isinstance(what, Session) and what.sid.owner == "local":
        return Session(Sid("kept", what.sid.path, what.sid.pos), what.settings)
    return value(ctx, cur, what, bound, pos)


# --- sessions --------------------------------------------------------------------------------------------------------


def _resolve(ctx: Context, sid: Sid, bound: Bound) -> Value:
    """What the caller knows a callee's session as."""
    if not sid.path or sid.path[0] not in bound:
        return UNKNOWN
    return walk(ctx, bound[sid.path[0]], sid.path[1:])


def resolve_sid(ctx: Context, sid: Sid, bound: Bound) -> Sid | None:
    if sid.owner in _SHARED:
        return sid
    found = _resolve(ctx, sid, bound)
    if isinstance(found, Registry):
        return found.sid
    if not isinstance(found, Session):
        return None
    if found.settings.is_async:
        # The caller has it in an object: that nothing awaits its loads is known here all the same.
        ctx.sessions.setdefault(found.sid, found)
    return found.sid


def effects(ctx: Context, cur: Cursor, summary: Summary, bound: Bound, function: Function, pos: Pos) -> None:
    """Apply what a callee does to the sessions that the caller handed it or shares with it."""
    for sid, effect in summary.effects:
        target = resolve_sid(ctx, sid, bound)
        if target is not None:
            if effect.may & {"commit", "rollback"}:
                ctx.emit(Ended(target, pos, function, effect.must, effect.may, ctx.loops, ctx.guards))
            _effect(ctx, cur, target, effect, sid in summary.raises, pos)
    if summary.raises_clean:
        cur.raises(Raised("database"), pos)
    if summary.raises_other:
        ctx.raises_other = True
        cur.raises(Raised("other"), pos)


def _effect(ctx: Context, cur: Cursor, sid: Sid, effect: Effect, raises: bool, pos: Pos) -> None:
    if sid.owner == "registry" and sid not in ctx.sessions:
        ctx.sessions[sid] = ctx.world.registry_session(sid)
    state = ctx.session_state(cur, sid)
    if effect.may & {"rollback", "close"}:
        sessions.note_recovery(ctx, state, sid, pos)
    if "statement" in effect.may:
        state = sessions.check_use(ctx, cur, sid, pos, "call")
        if raises:
            ctx.raises.add(sid)
            cur.sessions[sid] = transitions.failed(state, pos, "commit" in effect.may or effect.wrote)
            cur.raises(Raised("database"), pos)
        status = OPEN if state.status == CLOSED else state.status
        state = state._replace(
            status=status, used=True, active=effect.active or (state.active and "statement" not in effect.must)
        )
        state = state._replace(ended=state.ended | {"statement"})
        instances.flushed(ctx, cur, sid)
    if "write" in effect.may:
        state = state._replace(wrote=state.wrote or (pos if effect.wrote else None))
    if "commit" in effect.must:
        state = transitions.commit(state)._replace(active=effect.active)
        instances.committed(ctx, cur, sid, pos)
    if effect.may & {"commit", "rollback"} and not ctx.static:
        cur.loaded, cur.held = frozenset(), frozenset()
    if "rollback" in effect.may and state.block is None:
        # On some way only: what the others leave behind is not known, so nothing is said.
        state = transitions.rollback(state)._replace(active=effect.active)
    told = effect.may - {"commit", "rollback", "close"}
    state = state._replace(ended=state.ended | told | ({"may-commit"} if "commit" in effect.may else set()))
    if "close" in effect.must:
        ctx.emit(Closing(sid, pos, state.status == "closed", ctx.in_finally))
        state = transitions.close(state, pos, ctx.in_finally)
    elif ("close" in effect.may or effect.keeps) and sid.owner == "local" and state.status == OPEN:
        state = state._replace(status=GONE)
    elif "close" in effect.may:
        state = state._replace(failure=None)
    if effect.keeps:
        state = state._replace(ended=state.ended | {"keeps"})
    if (effect.may - effect.must) & {"commit", "rollback", "close"}:
        # It may have ended the transaction: nobody knows whether a connection is held.
        state = state._replace(active=False)
    cur.sessions[sid] = state
    if effect.may & {"commit", "rollback", "close"}:
        aliases.ended(cur, sid)


def wrapped(ctx: Context, cur: Cursor, summary: Summary, bound: Bound, function: Function) -> None:
    """What stands around the function may end the transactions of the sessions that it is given, or shares."""
    if not function.node.decorators or not frameworks.commits_after(function, ctx.world):
        return
    shared = [target for sid, _ in summary.effects if (target := resolve_sid(ctx, sid, bound)) is not None]
    for sid in dict.fromkeys([*shared, *(sid for given in bound.values() for sid in ownership.sids(given))]):
        state = ctx.session_state(cur, sid)
        cur.sessions[sid] = state._replace(ended=state.ended | {"may-commit"}, active=False)


def scope(ctx: Context, cur: Cursor, generator: Generator, bound: Bound, pos: Pos) -> Value:
    """A call of a project function that is a context manager: what it does on exit was read from its body."""
    yielded = generator.yields
    inner: Value
    if isinstance(yielded, Session) and yielded.sid.owner == "local" and not ctx.static:
        inner = sessions.create(ctx, cur, yielded.settings, pos, how="scope")
    else:
        inner = value(ctx, cur, yielded, bound, pos)
    held = ownership.sids(inner)
    sid = held[0] if len(held) == 1 else None
    if sid is not None and sid.owner == "local" and not ctx.static:
        state = cur.sessions.get(sid)
        if state is not None and "close" not in generator.on_exit:
            # The generator owns what it yields: whether it closes is judged there.
            cur.sessions[sid] = state._replace(status=GONE)
    others = tuple(
        (target, on_exit, on_error)
        for other, on_exit, on_error in generator.others
        if (target := resolve_sid(ctx, other, bound)) is not None
    )
    return Scope(sid, inner, generator.on_exit, generator.on_error, generator.swallows, False, pos, others)


__all__ = ["effects", "kept", "resolve_sid", "scope", "value", "walk"]
