"""Calls: who is called, what that does to the sessions it can reach, and what comes back.

What is done with a call that cannot be seen into is written in :mod:`sqla_lint.flow.evaluation.unknown`.
"""

from __future__ import annotations

from functools import reduce

from sqla_lint import handover_calls
from sqla_lint.flow.evaluation import (
    arguments,
    callables,
    carried_reads,
    changing,
    construct,
    containers,
    free_names,
    lambdas,
    members,
    outside,
    setting,
    substitute,
    unseen,
)
from sqla_lint.flow.lifetimes import (
    aliases,
    cascades,
    flask_db,
    givebacks,
    handovers,
    instances,
    ownership,
    sessions,
    usage,
    waits,
)
from sqla_lint.flow.reading import asking, fetches, identity_map, iterators, loading, options, queries, rows, strategies
from sqla_lint.flow.rendering import renderings, serializing
from sqla_lint.flow.solver import variants
from sqla_lint.flow.terms import binding, configure
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import (
    Dynamic,
    Entity,
    Forked,
    LoaderOption,
    Many,
    ModelAttribute,
    OneOf,
    Pair,
    Query,
    Record,
    Subselect,
    Unproved,
)
from sqla_lint.flow.terms.session_values import Engine, Factory, FlaskDb, Registry, Session, Transaction
from sqla_lint.flow.terms.state import Cursor, Raised
from sqla_lint.flow.terms.summary import Summary
from sqla_lint.flow.terms.values import (
    NONE,
    UNKNOWN,
    AppContext,
    Caller,
    Choice,
    ClassValue,
    FunctionValue,
    Getter,
    Instance,
    JinjaTemplate,
    LambdaValue,
    Literal,
    Mapping,
    Method,
    Outside,
    Parameter,
    Partial,
    Serializer,
    Stack,
)
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos


def call(ctx: Context, cur: Cursor, node: n.Call) -> Value:
    """The value of a call, its arguments evaluated first."""
    from sqla_lint.flow.evaluation.evaluate import expr

    if isinstance(node.func, n.IfExp):
        # ``(undefer if whole else defer)(Pet.photo)``: one call or the other.
        test, one, other = node.func.test, node.func.body, node.func.orelse
        return expr(ctx, cur, n.IfExp(node.pos, test, node._replace(func=one), node._replace(func=other)))
    is_awaited = ctx.awaited == node.pos
    if isinstance(node.func, n.Attribute) and node.func.attr in handover_calls.RESULTS:
        ctx.awaited = node.func.value.pos
    func = members.super_method(ctx, node.func) or expr(ctx, cur, node.func)
    if isinstance(node.func, n.Attribute) and node.func.attr in ("app_context", "test_request_context"):
        return AppContext()
    outer, ctx.aside = ctx.aside, ctx.aside or handovers.runs_aside(ctx, func, node)
    args = arguments.positional(ctx, cur, node)
    kwargs: dict[str, Value] = {}
    for keyword in node.keywords:
        value = expr(ctx, cur, keyword.value)
        if ctx.world.templates:
            value = renderings.as_context(ctx, cur, keyword.value, value, keyword.name is None)
        kwargs[keyword.name if keyword.name is not None else configure.SPREAD] = value
    ctx.aside = outer
    fetches.note(ctx, node, func, args)
    variants.note(ctx, node, func, args)
    handovers.note(ctx, cur, func, args, node)
    made = _collected(ctx, cur, func, args, node)
    if made is not None:
        return made
    if isinstance(node.func, n.Attribute) and not isinstance(func, FunctionValue):
        args = rows.of_container(ctx, cur, node, node.func, args, kwargs)
    if isinstance(node.func, n.Attribute) and node.func.attr in containers.ADDS and not isinstance(func, FunctionValue):
        known = cascades.before(cur, args)
        result = apply(ctx, cur, func, args, kwargs, node.pos, node)
        cascades.appended(ctx, cur, node.func.value, args, known)
        return result
    result = apply(ctx, cur, func, args, kwargs, node.pos, node)
    if isinstance(result, LoaderOption) and isinstance(node.func, n.Attribute):
        options.chained_to(cur, node.func, result)
    if result == UNKNOWN and isinstance(node.func, n.Attribute) and unseen.is_subselect(node.func.attr, func, args):
        return Subselect()
    return unseen.asked(ctx, cur, func, args, kwargs, node, is_awaited) if result == UNKNOWN else result


def _collected(ctx: Context, cur: Cursor, func: Value, args: list[Value], node: n.Call) -> Value | None:
    """``next(get_db())`` and ``get_db().__next__()`` of a generator of the project that yields a session of its own."""
    source: Value = UNKNOWN
    if func == Outside("builtins.next") and args and isinstance(node.args[0], n.Call):
        source = args[0]
    elif isinstance(func, Method) and func.name == "__next__" and isinstance(node.func, n.Attribute):
        source = func.receiver if isinstance(node.func.value, n.Call) else UNKNOWN
    if isinstance(source, Many) and isinstance(source.item, Session) and source.item.sid.owner == "kept":
        return sessions.collected(ctx, cur, source.item.settings, node.pos)
    return None


def apply(
    ctx: Context,
    cur: Cursor,
    func: Value,
    args: list[Value],
    kwargs: dict[str, Value],
    pos: Pos,
    node: n.Call | None = None,
    ahead: int = 0,
) -> Value:
    """Call *func*, whatever it is; *ahead* is how many of the arguments a ``partial`` gave."""
    if isinstance(func, FunctionValue):
        if ctx.world.settings.session_scopes and ctx.world.is_session_scope(ctx.world.dotted(func.function)):
            return sessions.configured_scope(ctx, cur, pos)
        spread = node is not None and any(keyword.name is None for keyword in node.keywords)
        return project(ctx, cur, pos, func, args, kwargs, func.function.node.name, spread, ahead)
    if isinstance(func, Method) and isinstance(func.receiver, JinjaTemplate):
        return renderings.of_template(ctx, cur, func.receiver, func.name, args, kwargs, pos, node)
    if isinstance(func, Method):
        return _method(ctx, cur, func, args, kwargs, pos)
    if isinstance(func, Forked):
        return reduce(join, [apply(ctx, cur, way, args, kwargs, pos, node, ahead) for way in func.ways])
    if isinstance(func, ClassValue):
        return construct.instance(ctx, cur, func, args, kwargs, pos, node)
    if isinstance(func, Factory):
        return sessions.create(
            ctx, cur, configure.bound(configure.overridden(func.settings, kwargs), args, kwargs), pos
        )
    if isinstance(func, Registry):
        return Session(func.sid, func.settings)
    if isinstance(func, Outside):
        return outside.call(ctx, cur, func, args, kwargs, pos, node)
    if isinstance(func, Choice):
        return callables.chosen(ctx, cur, func, args, kwargs, pos)
    if isinstance(func, LambdaValue):
        return lambdas.call(ctx, cur, func, args, pos)
    if isinstance(func, Partial):
        given, named = [*func.args, *args], {**dict(func.kwargs), **kwargs}
        return apply(ctx, cur, func.func, given, named, pos, ahead=ahead + len(func.args))
    if isinstance(func, Serializer):
        return serializing.called(ctx, cur, func, args, kwargs, pos)
    if isinstance(func, Getter):
        return iterators.get_attributes(ctx, cur, func, args[0], pos) if args else UNKNOWN
    if isinstance(func, Caller):
        return iterators.call_method(ctx, cur, func, args[0], pos) if args else UNKNOWN
    if isinstance(func, Instance):
        method = ctx.world.method(func.cls, "__call__")
        if method is not None:
            return project(ctx, cur, pos, FunctionValue(method, func), args, kwargs, "__call__")
    if node is not None and isinstance(node.func, n.Attribute):
        aliases.named(cur, node.func.attr)
    if isinstance(func, Parameter):
        callables.note(ctx, func, args)
        unknown(ctx, cur, args, kwargs, pos)
        return rows.of_given(func, args)
    return unknown(ctx, cur, args, kwargs, pos)


def unknown(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    """A call that cannot be seen into: it may raise, and may keep or close whatever it is given."""
    for value in (*args, *kwargs.values()):
        ownership.promised(ctx, cur, value)
        ownership.release(ctx, cur, value)
        instances.shared(ctx, cur, value)
        ownership.handed_on(ctx, cur, value)
    ctx.raises_other = True
    cur.raises(Raised("other"), pos)
    return UNKNOWN


def _method(ctx: Context, cur: Cursor, func: Method, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    from sqla_lint.flow.lifetimes import scopes
    from sqla_lint.flow.reading import texts

    receiver, name = func.receiver, func.name
    if isinstance(receiver, OneOf):
        receiver = receiver.of("record") or receiver
    if isinstance(receiver, (ClassValue, Serializer)):
        return serializing.method(ctx, cur, receiver, name, args, kwargs, pos)
    if isinstance(receiver, Session):
        return sessions.method(ctx, cur, receiver, name, args, kwargs, pos)
    if isinstance(receiver, Query):
        return queries.method(ctx, cur, receiver, name, args, kwargs, pos)
    if isinstance(receiver, Unproved):
        return unseen.method(ctx, cur, receiver, name, args, kwargs, pos)
    if isinstance(receiver, LoaderOption):
        return options.chained(ctx, receiver, name, args, kwargs)
    if isinstance(receiver, Transaction):
        return sessions.transaction_method(ctx, cur, receiver, name, pos)
    if isinstance(receiver, (Many, Mapping, Pair, Dynamic, Record)):
        return rows.method(ctx, cur, receiver, name, args, kwargs, pos)
    if isinstance(receiver, Factory):
        return sessions.factory_begin(ctx, cur, receiver.settings, pos) if name == "begin" else UNKNOWN
    if isinstance(receiver, Stack):
        return scopes.stacked(ctx, cur, name, args, pos)
    if isinstance(receiver, Engine):
        return sessions.of_engine(ctx, cur, receiver, name, kwargs, pos)
    if isinstance(receiver, FlaskDb):
        return flask_db.method(ctx, cur, receiver, name, args, kwargs, pos)
    if isinstance(receiver, ModelAttribute):
        return queries.condition(receiver, name, args)
    if isinstance(receiver, Literal) and receiver != NONE:
        if name == "format":
            texts.show(ctx, cur, (*args, *kwargs.values()), pos)
        return iterators.split(receiver, args) if name == "split" else UNKNOWN
    if isinstance(receiver, Entity):
        instances.shared(ctx, cur, receiver)
    if isinstance(receiver, Instance):
        # A method of a base outside the project: it may close what the object holds.
        ownership.release(ctx, cur, receiver)
    aliases.named(cur, name)
    return unknown(ctx, cur, args, kwargs, pos)


# --- functions of the project ----------------------------------------------------------------------------------------


def project(
    ctx: Context,
    cur: Cursor,
    pos: Pos,
    func: FunctionValue,
    args: list[Value],
    kwargs: dict[str, Value],
    describe: str,
    spread: bool = False,
    ahead: int = 0,
) -> Value:
    """A call of a function of the project: its summary says what it does.

    With *spread* (``**options``) a parameter that is not named may have any value, whatever its default is. *ahead* is
    how many of the arguments a ``partial`` gave.
    """
    function = func.function
    bound = binding.bind(function, func.receiver, args, kwargs, spread)
    summary = ctx.world.summary(function, any(ownership.decides(value) for value in bound.values()))
    summary = variants.summary(ctx, function, summary, bound, pos)
    if function.outer is not None:
        bound |= free_names.handed_in(ctx, cur, function, summary, pos)
    asking.called(ctx, cur, summary, bound, function, func.receiver, pos, ahead)
    if function.is_generator and summary.generator is not None:
        if func.kind == "context-manager" or ctx.world.roles.is_context_manager(function):
            usage.handed(ctx, cur, bound, function, summary, pos)
            return substitute.scope(ctx, cur, summary.generator, bound, pos)
        return Many(substitute.kept(ctx, cur, summary.generator.yields, bound, pos))
    if not ctx.static:
        renderings.handed(ctx, cur, summary, bound, kwargs, function, pos)
        callables.applied(ctx, cur, summary, bound, pos)
        carried_reads.reads(ctx, cur, summary, bound, function, pos, spread)
        loading.note_preloaded(cur, bound, function)
        identity_map.handed(cur, bound.values())
        usage.handed(ctx, cur, bound, function, summary, pos)
        waits.project(ctx, cur, function, summary, bound, pos)
        setting.by_callee(ctx, cur, function, bound, pos)
        substitute.effects(ctx, cur, summary, bound, function, pos)
        substitute.wrapped(ctx, cur, summary, bound, function)
        for value in bound.values():
            ownership.promised(ctx, cur, value)
        carried_reads.writes(ctx, cur, summary, func.receiver or _explicit_self(function, bound))
        if function.node.name == "__init__" and isinstance(func.receiver, Instance):
            _stored(ctx, cur, summary, bound, pos)
        bound = changing.by_method(ctx, cur, func, bound)
    if summary.returns is None:
        cur.dead = not ctx.static
        return UNKNOWN
    if ctx.world.roles.is_cached(function):
        return substitute.kept(ctx, cur, summary.returns, bound, pos)
    result = givebacks.in_session(substitute.value(ctx, cur, summary.returns, bound, pos), bound)
    if not ctx.static:
        strategies.hold_one(ctx, cur, result)
        givebacks.take_over(ctx, cur, function, summary, bound, result, pos)
    return result


def _stored(ctx: Context, cur: Cursor, summary: Summary, bound: dict[str, Value], pos: Pos) -> None:
    """``super().__init__(...)``: what it stores is on the object from here on."""
    if ctx.function is None or not ctx.function.node.params:
        return
    for name, stored in summary.stores:
        value = substitute.value(ctx, cur, stored, bound, pos)
        if value != UNKNOWN:
            cur.env[f"{ctx.function.node.params[0].name}.{name}"] = value


def _explicit_self(function: Function, bound: dict[str, Value]) -> Value | None:
    """What ``Mixin.method(self, ...)`` hands over as ``self``."""
    params = function.node.params
    return bound.get(params[0].name) if function.cls is not None and params else None


__all__ = ["apply", "call", "project", "unknown"]
