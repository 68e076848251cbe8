"""Reads of a callee's parameters, carried to the rows that a call of it hands over."""

from __future__ import annotations

from sqla_lint.flow.evaluation import kinds, members
from sqla_lint.flow.evaluation.substitute import Bound, one_step, walk
from sqla_lint.flow.lifetimes import usage
from sqla_lint.flow.reading import loading, strategies
from sqla_lint.flow.solver import conditions
from sqla_lint.flow.terms import binding
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Handed
from sqla_lint.flow.terms.row_values import Entity, Forked
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.summary import Read, Summary
from sqla_lint.flow.terms.values import (
    Instance,
    Parameter,
)
from sqla_lint.index.module import Function, names_in
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos


def reads(
    ctx: Context,
    cur: Cursor,
    summary: Summary,
    bound: Bound,
    function: Function,
    pos: Pos,
    spread: bool = False,
) -> None:
    """Judge what a callee reads of the rows that it was handed; with *spread*, its conditions may not be known."""
    outcomes: dict[n.Expr, bool | None] = {}
    for read in summary.reads:
        given = bound.get(read.name)
        if spread and any(not names_in(guard.test) <= bound.keys() for guard in read.under):
            continue
        if given is not None and not conditions.is_ruled_out(ctx, read.under, bound, outcomes):
            _read(ctx, cur, read, given, function, pos, bound)


def writes(ctx: Context, cur: Cursor, summary: Summary, receiver: Value | None) -> None:
    """Attributes that a method sets on its object are loaded from then on."""
    if isinstance(receiver, Entity) and receiver.origin is not None:
        cur.loaded = cur.loaded | {(receiver.origin.pos, (*receiver.steps, name), None) for name in summary.writes}
    elif isinstance(receiver, Parameter):
        cur.loaded = cur.loaded | {(receiver.name, (*receiver.steps, name), None) for name in summary.writes}
    elif isinstance(receiver, Instance) and len(receiver.path) == 1:
        cur.loaded = cur.loaded | {(receiver.path[0], (name,), None) for name in summary.writes}


def _read(ctx: Context, cur: Cursor, read: Read, given: Value, function: Function, pos: Pos, bound: Bound) -> None:
    if members.is_mixed_in(ctx, given) and read.steps[0] in ctx.world.mappings.relationship_names:
        given = Parameter("self")
    if isinstance(given, Forked):
        for way in kinds.having(ctx, given, read.steps[0]):
            _read(ctx, cur, read, way, function, pos, bound)
        return
    owner = walk(ctx, given, read.steps[:-1])
    name = read.steps[-1]
    if read.in_loop and isinstance(owner, Entity) and _shares_parent(ctx, given, read.steps[:-1]):
        return
    if isinstance(owner, Parameter):
        _pass_on(ctx, cur, read, owner, name, pos, bound)
    elif isinstance(owner, Entity):
        _judge(ctx, cur, read, owner, name, function, pos)
    elif isinstance(owner, Forked):
        for way in kinds.having(ctx, owner, name):
            if isinstance(way, Entity):
                _judge(ctx, cur, read, way, name, function, pos)
    elif read.in_loop:
        ctx.emit(Handed(read.pos, read.path, read.root or read.steps, name, None, pos, "unknown"))


def _shares_parent(ctx: Context, given: Value, steps: tuple[str, ...]) -> bool:
    """Whether the way to a row leads through a parent that all rows have: the query's, or back to the loop's own."""
    for step in steps:
        if isinstance(given, Entity):
            relation = ctx.world.mappings.relationship(given.cls, step)
            if relation is not None and strategies.is_pinned(ctx, given, relation):
                return True
        following = one_step(ctx, given, step)
        if isinstance(given, Entity) and isinstance(following, Entity) and following == given.parent:
            return True
        given = following
    return False


def _judge(ctx: Context, cur: Cursor, read: Read, owner: Entity, name: str, function: Function, pos: Pos) -> None:
    """What one read of a row costs, seen from the call."""
    from sqla_lint.flow.reading import texts

    relation = ctx.world.mappings.relationship(owner.cls, name)
    if usage.matters(ctx, cur, owner) and strategies.sends(ctx, cur, owner, name, relation):
        # A coroutine that hands the row on may have loaded it before: what it awaits is not followed so far.
        may_load = function.node.is_async and bool(read.root)
        usage.read_by_callee(ctx, cur, owner, name, f"{function.node.name}()", pos, may_load)
    if relation is not None:
        status = strategies.load_status(ctx, cur, owner, relation)
        _tell(ctx, cur, read, owner, name, status, relation.many, function, pos)
        return
    mapped = ctx.world.mappings.mapped(owner.cls)
    if mapped is not None and name in mapped.proxies:
        _judge(ctx, cur, read, owner, mapped.proxies[name][0], function, pos)
        return
    column = strategies.column_cost(ctx, cur, owner, name)
    if column is not None:
        _tell(ctx, cur, read, owner, name, column, False, function, pos)
        return
    method = texts.method(ctx.world, owner.cls, name)
    if method is None or not method.node.params:
        return
    # A method or property of the row's class: what it reads of the row, the callee reads. What it reads again is there.
    # What the callee hands the method is not told: it is asked as its defaults have it.
    me = method.node.params[0].name
    asked, outcomes = binding.bind(method, owner, [], {}), dict[n.Expr, bool | None]()
    reads = (
        one
        for one in ctx.world.summary(method).reads
        if one.name == me and not one.in_loop and not conditions.is_ruled_out(ctx, one.under, asked, outcomes)
    )
    for attribute in dict.fromkeys(one.steps[0] for one in reads if len(one.steps) == 1):
        _judge(ctx, cur, read, owner, attribute, function, pos)


def _tell(
    ctx: Context,
    cur: Cursor,
    read: Read,
    owner: Entity,
    name: str,
    status: str,
    many: bool | None,
    function: Function,
    pos: Pos,
) -> None:
    if read.in_loop:
        ctx.emit(Handed(read.pos, read.path, read.root or read.steps, name, owner, pos, status))
        loading.note_each(ctx, cur, owner, name, status)
    else:
        loading.note_read(ctx, cur, pos, owner, name, status, many, read)


def _pass_on(ctx: Context, cur: Cursor, read: Read, owner: Parameter, name: str, pos: Pos, bound: Bound) -> None:
    """The value came from our own caller: its callers decide."""
    if owner.cls is not None and ctx.world.mappings.relationship(owner.cls, name) is None:
        return
    if len(owner.steps) > 6 or len(ctx.reads) > 60 or loading.is_read(ctx, cur, owner, name):
        return
    loop = loading.innermost(ctx, owner.drawn)
    root = read.root or read.steps
    under = (*conditions.parameter_guards(ctx), *owner.under, *conditions.passed_on(ctx, read.under, bound))
    found = read._replace(name=owner.name, steps=(*owner.steps, name), under=under, root=root)
    if loop is not None and not read.in_loop:
        qualname = ctx.function.qualname if ctx.function is not None else "<module>"
        found = Read(owner.name, (*owner.steps, name), pos, True, loop, ctx.path, qualname, found.under)
    ctx.reads[found] = None
    if read.in_loop and not found.under:
        loading.note_each(ctx, cur, owner, name, "lazy")
