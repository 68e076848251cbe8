"""Steps of ``with``: entered, left, and left by an exception."""

from __future__ import annotations

from sqla_lint.flow.evaluation import evaluate
from sqla_lint.flow.lifetimes import class_scopes, ownership, scopes
from sqla_lint.flow.solver import errors, handling
from sqla_lint.flow.solver.stepping import Step, on
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.graph import Node, with_item
from sqla_lint.flow.terms.session_values import Scope, Session
from sqla_lint.flow.terms.state import Cursor, Raised
from sqla_lint.flow.terms.values import UNKNOWN, Suppress
from sqla_lint.lower import nodes as n


def enter(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    stmt, index = with_item(node)
    item = stmt.items[index]
    value = evaluate.expr(ctx, cur, item.context)
    if stmt.is_async and not isinstance(value, (Session, Scope)):
        cur.raises(Raised("base"), item.context.pos)
    if isinstance(value, Suppress):
        handling.begin_try(cur, stmt.pos)
    value = class_scopes.opened(ctx, cur, value, stmt, item)
    entered, bound = scopes.enter(ctx, cur, value, item.context.pos)
    if cur.dead:
        return []
    cur.env[_entered(stmt, index)] = entered
    if item.target is not None:
        ownership.bind(ctx, cur, item.target, bound)
    return on(node, cur)


def _entered(stmt: n.With, index: int) -> str:
    return f"%with{stmt.pos[0]}:{stmt.pos[1]}:{index}"


def leave(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    stmt, index = with_item(node)
    entered = cur.env.pop(_entered(stmt, index), UNKNOWN)
    scopes.leave(ctx, cur, entered, stmt.items[index].context.pos, None)
    return on(node, cur)


def leave_exc(ctx: Context, node: Node, cur: Cursor) -> list[Step]:
    stmt, index = with_item(node)
    entered = cur.env.pop(_entered(stmt, index), UNKNOWN)
    raised = handling.arrive(cur, node)
    cur.exc = raised
    if isinstance(entered, Suppress):
        return _leave_suppress(ctx, node, cur, entered, raised, stmt)
    swallows = scopes.leave(ctx, cur, entered, stmt.items[index].context.pos, raised)
    steps: list[Step] = []
    if swallows is not False:
        way = Cursor(cur.state(), node)
        way.exc = None
        steps += on(node, way)
    if swallows is not True:
        cur.exc = raised
        steps.append(Step(node.exc, cur.state(), None))
    return steps


def _leave_suppress(
    ctx: Context, node: Node, cur: Cursor, entered: Suppress, raised: Raised, stmt: n.With
) -> list[Step]:
    types = tuple(one for value in entered.types for one in errors.types_of(value))
    caught = errors.catches(raised, types)
    steps: list[Step] = []
    if caught is not False:
        way = Cursor(cur.state(), node)
        handling.swallowed(way, raised, stmt.pos, stmt.pos)
        way.exc = None
        steps += on(node, way)
    if caught is not True:
        steps.append(Step(node.exc, cur.state(), None))
    return steps
