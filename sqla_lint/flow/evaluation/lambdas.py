"""Lambdas: what calling one does, and where that is told if it was given a name."""

from __future__ import annotations

from sqla_lint.flow.lifetimes import ownership
from sqla_lint.flow.loops.derived import Derivation
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Event, LazyRead, Queried
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.summary import Taken
from sqla_lint.flow.terms.values import UNKNOWN, LambdaValue
from sqla_lint.lower.nodes import Pos


def call(ctx: Context, cur: Cursor, func: LambdaValue, args: list[Value], pos: Pos) -> Value:
    """The value of a call of a lambda: its body, with the arguments, or their defaults, in place of the parameters."""
    from sqla_lint.flow.evaluation.evaluate import expr

    saved, outer, here = dict(cur.env), ctx.events, (ctx.path, ctx.function)
    elsewhere = func.path not in ("", ctx.path)
    defaults = [expr(ctx, cur, p.default) if p.default is not None else UNKNOWN for p in func.node.params[len(args) :]]
    for param, value in zip(func.node.params, [*args, *defaults]):
        ownership.forget(cur, param.name)
        cur.env[param.name] = value
    ctx.events = {}
    if elsewhere:
        ctx.path, ctx.function = func.path, None
    result = expr(ctx, cur, func.node.body)
    ctx.path, ctx.function = here
    cur.env, found, ctx.events = saved, ctx.events, outer
    for event in found:
        ctx.emit(_seen_from(ctx, event, func, pos))
    return result


def _seen_from(ctx: Context, event: Event, func: LambdaValue, pos: Pos) -> Event:
    """What a lambda does, as its call at *pos* does it, if that is elsewhere: the lambda was given a name."""
    node, path = func.node, func.path or ctx.path
    within = path == ctx.path and pos[:2] <= node.pos[:2] and node.pos[2:] <= pos[2:]
    if within or ctx.function is None or not isinstance(event, (Queried, LazyRead)):
        return event
    via = event.via if event.via is not None else ("lambda", event.pos, path)
    if isinstance(event, LazyRead):
        return event._replace(pos=pos, span=pos, via=via)
    derivation = Derivation.of(ctx.function)
    taken = [
        Taken(place, param.name, kind=param.kind)
        for place, param in enumerate(node.params)
        if derivation.asks_for(event, derivation.names((param.name,), node.pos))
    ]
    return event._replace(pos=pos, takes=tuple(taken), via=via)
