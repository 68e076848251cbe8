"""Instances that a function returns, as its caller has them: in which session they are, and whether a commit emptied
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqla_lint.flow.evaluation import members, substitute
from sqla_lint.flow.lifetimes.instances import ASKED, entities, identity, is_closed, known
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Forked, Many, OneOf, Pair, Query, Record
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import Cursor, InstanceId, InstanceState, State
from sqla_lint.flow.terms.summary import Summary
from sqla_lint.index.module import Function
from sqla_lint.lower.nodes import Pos

_MAX_INSTANCES = 6


def of(returns: Iterable[State]) -> tuple[tuple[InstanceId, InstanceState], ...]:
    """What is known of the instances in what a function returns; nothing of those whose session it closed itself."""
    found: dict[InstanceId, InstanceState] = {}
    for state in returns:
        cur = Cursor(state, None)
        for entity in entities(state.result):
            one = known(cur, entity)
            if one is not None and not is_closed(cur, entity):
                found[one[0]] = _either(found[one[0]], one[1]) if one[0] in found else one[1]
    made = [key for key, _ in found.items() if not key[2]]
    return tuple(sorted(found.items(), key=repr)) if len(made) <= _MAX_INSTANCES else ()


def _either(one: InstanceState, other: InstanceState) -> InstanceState:
    """What is known of an instance that either way gives: which way a call takes (``commit=False``) is not known."""
    return InstanceState(
        one.sid if one.sid == other.sid else None,
        one.stored and other.stored,
        one.expired if other.expired is not None else None,
        one.spared or other.spared,
        one.keyless and other.keyless,
        one.shared or other.shared,
        one.committed if other.committed is not None else None,
    )


def in_session(value: Value, bound: Mapping[str, Value]) -> Value:
    """*value* with its rows in the sessions of the queries that the callee was handed: it does not know these."""
    queries = [one.origin for one in bound.values() if isinstance(one, Query) and one.origin.sid is not None]
    return _placed(value, {(origin.path, origin.pos): origin.sid for origin in queries}) if queries else value


def _placed(value: Value, sids: Mapping[tuple[str, Pos], Sid | None]) -> Value:
    if isinstance(value, (Entity, Query)):
        origin = value.origin
        if origin is not None and origin.sid is None and (origin.path, origin.pos) in sids:
            origin = origin._replace(sid=sids[origin.path, origin.pos])
        if isinstance(value, Query):
            return value._replace(origin=origin, row=_placed(value.row, sids)) if origin is not None else value
        return value._replace(origin=origin)
    if isinstance(value, Many):
        return value._replace(item=_placed(value.item, sids))
    if isinstance(value, Forked):
        return Forked(tuple(_placed(way, sids) for way in value.ways))
    if isinstance(value, (OneOf, Record)):
        return value._replace(values=tuple(_placed(one, sids) for one in value.values))
    return Pair(tuple(_placed(one, sids) for one in value.items)) if isinstance(value, Pair) else value


def take_over(
    ctx: Context, cur: Cursor, function: Function, summary: Summary, bound: dict[str, Value], result: Value, pos: Pos
) -> None:
    """Note what a call of *function* that returned *result* tells of the instances in it; where a decorator stands
    around the function, that may have flushed, committed or loaded them.
    """
    given = summary.returns
    states = {} if members.is_wrapped(function) else dict(summary.gives)
    pairs = list(zip(entities(given), entities(result)))
    made = {identity(before) for before, after in pairs if after.origin is None}
    for before, after in pairs:
        key, old = identity(after), identity(before)
        if key is None or old is None or after.made is None and after.origin is None:
            continue
        cur.instances.pop(key, None)
        state = states.get(old)
        if state is None or after.origin is None and len(made) > 1:
            continue
        taken = _as_known_here(ctx, cur, state, bound, pos)
        if taken is not None:
            cur.instances[key] = taken


def _as_known_here(
    ctx: Context, cur: Cursor, state: InstanceState, bound: dict[str, Value], pos: Pos
) -> InstanceState | None:
    if state.sid is None:
        return state._replace(expired=None, committed=None)
    sid = substitute.resolve_sid(ctx, state.sid, bound)
    if sid is None:
        return None
    session, now = ctx.sessions.get(sid), cur.sessions.get(sid)
    expires = isinstance(session, Session) and session.settings.expire_on_commit is True
    emptied = state.expired is not None or state.committed is not None and expires and not (now and now.reset)
    committed = pos if state.committed is not None and sid.owner in ASKED else None
    return state._replace(sid=sid, expired=pos if emptied else None, committed=committed)
