"""Scopes that are classes: ``__enter__`` makes the session, ``__exit__`` closes it."""

from __future__ import annotations

from sqla_lint.flow.evaluation.evaluate import expr
from sqla_lint.flow.lifetimes import sessions
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import ClassValue, Instance
from sqla_lint.index.module import Class, Function, walk
from sqla_lint.lower import nodes as n

_ENTERS = ("__enter__", "__aenter__")
_EXITS = ("__exit__", "__aexit__")


def opened(ctx: Context, cur: Cursor, made: Value, stmt: n.With, item: n.WithItem) -> Value:
    """*made*, just constructed as an *item* of a ``with``: with the session that its ``__enter__`` makes, if it
    makes one and does nothing else.

    Whatever else may reach that session (a repository that is made over it, another name for the object) would be out
    of sight: then nothing is assumed.
    """
    context = item.context
    if ctx.static or not isinstance(made, Instance) or made.path or not isinstance(context, n.Call):
        return made
    if isinstance(item.target, n.Name) and _is_handed_on(item.target.id, stmt.body):
        return made
    func = expr(ctx, Cursor(State(dict(cur.env), {}), None), context.func)
    name = _made_on_entering(ctx, made.cls) if isinstance(func, ClassValue) else None
    if name is None or not _is_closed_on_leaving(ctx, made.cls, name):
        return made
    kept = ctx.world.attribute(made, name)
    if not isinstance(kept, Session) or name in dict(made.held):
        return made
    return made._replace(held=(*made.held, (name, sessions.create(ctx, cur, kept.settings, context.pos, how="scope"))))


def _is_handed_on(name: str, body: tuple[n.Stmt, ...]) -> bool:
    """Whether anything but an attribute of the variable is asked for."""
    parts = list(walk(body))
    asked = {id(part.value) for part in parts if isinstance(part, n.Attribute)}
    return any(isinstance(part, n.Name) and part.id == name and id(part) not in asked for part in parts)


def entered(ctx: Context, instance: Instance, given: Value) -> Value:
    """What ``as`` binds: ``return self.session`` gives the session that was made."""
    name = _made_on_entering(ctx, instance.cls)
    made = dict(instance.held).get(name) if name is not None else None
    return made if made is not None and isinstance(given, Session) else given


def others(ctx: Context, instance: Instance) -> Instance:
    """*instance* without the session that entering it made."""
    name = _made_on_entering(ctx, instance.cls)
    return instance._replace(held=tuple(item for item in instance.held if item[0] != name))


def not_undone(cur: Cursor, entered: Instance) -> frozenset[Sid]:
    """The sessions of *entered* that the block has not rolled back."""
    held = (value.sid for _, value in entered.held if isinstance(value, Session))
    return frozenset(sid for sid in held if sid in cur.sessions and "rollback" not in cur.sessions[sid].ended)


def left(cur: Cursor, undone: frozenset[Sid]) -> None:
    """An ``__exit__`` that rolls back whatever was not committed is no dry run of the block's."""
    for sid in undone:
        cur.sessions[sid] = cur.sessions[sid]._replace(ended=cur.sessions[sid].ended - {"rollback"})


def surely_closes(ctx: Context, cls: Class) -> bool:
    """Whether ``__exit__`` closes a session on each way, and nothing in it can fail before."""
    method = _method(ctx, cls, _EXITS)
    if method is None:
        return False
    summary = ctx.world.summary(method)
    fails = summary.raises or summary.raises_clean or summary.raises_other
    return not fails and any("close" in effect.must for _, effect in summary.effects)


def _made_on_entering(ctx: Context, cls: Class) -> str | None:
    """The attribute of ``self`` that ``__enter__`` sets, if it sets one and returns."""
    method = _method(ctx, cls, _ENTERS)
    if method is None or not method.node.params:
        return None
    body = [s for s in method.node.body if not (isinstance(s, n.ExprStmt) and isinstance(s.value, n.Constant))]
    if len(body) != 2 or not isinstance(body[0], n.Assign) or not isinstance(body[1], n.Return):
        return None
    made, target = body[0].value, body[0].targets[0]
    given = (made.args, made.keywords) if isinstance(made, n.Call) else ((None,), ())
    me = method.node.params[0].name
    of_self = isinstance(target, n.Attribute) and isinstance(target.value, n.Name) and target.value.id == me
    return target.attr if of_self and isinstance(target, n.Attribute) and not any(given) else None


def _is_closed_on_leaving(ctx: Context, cls: Class, name: str) -> bool:
    method = _method(ctx, cls, _EXITS)
    effects = ctx.world.summary(method).effects if method is not None else ()
    return any(sid.path[1:] == (name,) and "close" in effect.must for sid, effect in effects)


def _method(ctx: Context, cls: Class, names: tuple[str, ...]) -> Function | None:
    return next((found for name in names if (found := ctx.world.method(cls, name)) is not None), None)
