"""Rows that a framework hands in: what the function that ``Depends(...)`` names gives, in the request's session."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.flow.evaluation import substitute
from sqla_lint.flow.lifetimes import instances
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Many, Origin, Pair
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.values import UNKNOWN
from sqla_lint.index.annotations import unquote
from sqla_lint.index.module import Function, own_nodes
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n

DEPENDS = frozenset({"Depends", "Security", "FromDishka", "Provide"})
# The session of rows that a parameter is given, where the function has no other name for it, is called so.
_HANDED = "%"
# Dependencies that need one another are followed this far.
_MAX_HOPS = 4


class _Injected(NamedTuple):
    """A session that a framework hands in, and the function that gives it, if that is known."""

    session: Session
    getter: Function | None


def mentioned(expr: n.Expr) -> bool:
    """Whether a default or an annotation says that a framework hands the parameter in."""
    return any(isinstance(e, n.Call) and n.last_part(e.func) in DEPENDS for e in own_nodes(expr))


def function_of(ctx: Context, path: str, param: n.Param) -> Function | None:
    """The function of the project that gives a parameter: ``= Depends(get)``, ``Annotated[X, Depends(get)]``."""
    for file, expr in ((path, param.default), *_annotations(ctx, path, param.annotation)):
        for call in own_nodes(expr) if expr is not None and mentioned(expr) else ():
            if isinstance(call, n.Call) and n.last_part(call.func) in DEPENDS and call.args:
                what = ctx.world.names.definition(file, call.args[0])
                return what if isinstance(what, Function) else None
    return None


def _annotations(ctx: Context, path: str, annotation: n.Expr | None) -> list[tuple[str, n.Expr]]:
    """An annotation, and what it is an alias of: ``CurrentUser = Annotated[User, Depends(current_user)]``."""
    if annotation is None:
        return []
    annotation = unquote(annotation)
    what = ctx.world.names.definition(path, annotation) if isinstance(annotation, (n.Name, n.Attribute)) else None
    value = getattr(what.assigned[0], "value", None) if isinstance(what, Variable) and len(what.assigned) == 1 else None
    return [(path, annotation), *([(what.path, value)] if isinstance(what, Variable) and value is not None else [])]


def rows(ctx: Context, function: Function, param: n.Param) -> Value:
    """The rows that a dependency of the project gives *function*; unknown where these, or their session, are not."""
    given = function_of(ctx, function.path, param)
    found = _given_by(ctx, given) if given is not None else None
    return _here(ctx, function, given, found, param) if given is not None and found is not None else UNKNOWN


def _given_by(ctx: Context, dependency: Function) -> Value | None:
    if not ctx.world.is_relevant(dependency):
        return None
    summary = ctx.world.summary(dependency)
    return summary.generator.yields if summary.generator is not None else summary.returns


def _here(ctx: Context, function: Function, given: Function, value: Value, param: n.Param) -> Value:
    """*value* as *function* has it."""
    if isinstance(value, Pair):
        return Pair(tuple(_here(ctx, function, given, item, param) for item in value.items))
    if isinstance(value, Many):
        item = _here(ctx, function, given, value.item, param)
        return value._replace(item=item, parts=()) if item != UNKNOWN else UNKNOWN
    if not isinstance(value, Entity) or value.origin is None or not value.origin.certain or value.origin.closed:
        return UNKNOWN
    origin = _placed(ctx, function, given, value.origin, param)
    return value._replace(origin=origin, drawn=(), made=None) if origin is not None else UNKNOWN


def _placed(ctx: Context, function: Function, given: Function, origin: Origin, param: n.Param) -> Origin | None:
    """Where rows come from, with the function's own name of their session: what one getter gives is one a request."""
    if origin.sid is None or origin.sid.owner in ("registry", "module"):
        return origin
    known = _session(ctx, given, origin.sid)
    if known is None:
        return None
    for own in function.node.params:
        value = ctx.world.parameters.value(function, own)
        if isinstance(value, Session) and known.getter is not None:
            if function_of(ctx, function.path, own) is known.getter:
                return origin._replace(sid=value.sid)
    sid = Sid("injected", (f"{_HANDED}{param.name}",))
    ctx.sessions.setdefault(sid, known.session._replace(sid=sid))
    return origin._replace(sid=sid)


def _session(ctx: Context, given: Function, sid: Sid, hops: int = _MAX_HOPS) -> _Injected | None:
    """The session that a dependency's parameter is, or keeps, or that the rows in it are in."""
    name = sid.path[0].removeprefix(_HANDED)
    param = next((p for p in given.node.params if p.name == name), None)
    if param is None or not hops:
        return None
    getter = function_of(ctx, given.path, param)
    if sid.path[0] != name:
        found = _given_by(ctx, getter) if getter is not None else None
        origins = [row.origin for row in instances.entities(found) if row.origin is not None]
        inner = origins[0].sid if origins else None
        return _session(ctx, getter, inner, hops - 1) if getter is not None and inner is not None else None
    session = substitute.walk(ctx, ctx.world.parameters.value(given, param), sid.path[1:])
    if not isinstance(session, Session) or session.sid.owner not in ("injected", "held"):
        return None
    return _Injected(session, getter if len(sid.path) == 1 else None)
