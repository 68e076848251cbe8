"""Planning the block of a session without a name: the statement that makes it goes under a ``with`` that names it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from sqla_lint.codemods.aftermath import Aftermath
from sqla_lint.codemods.handover import objection
from sqla_lint.codemods.layout import stands_alone
from sqla_lint.codemods.places import Mention, mentions, walk_with_parents
from sqla_lint.codemods.scope_plan import Plan
from sqla_lint.codemods.site import Refused, Site
from sqla_lint.flow.terms.row_values import Query
from sqla_lint.index.module import bound_names, statements
from sqla_lint.lower import nodes as n

_SIMPLE = (n.ExprStmt, n.Assign, n.AnnAssign, n.AugAssign, n.Return)


def anonymous(site: Site) -> Plan:
    """The block around the statement that makes a session and does not name it.

    Raises:
        Refused: the creation cannot move ahead of its statement.
    """
    stmt = site.place.stmt
    _check_movable(site, stmt)
    reason = objection(site, Mention(site.call, site.above, site.place))
    if reason is not None:
        raise Refused(reason)
    last, unsafe = site.place.number, list(_escapes(site, stmt))
    for name in (name for name in bound_names(stmt) if name in site.holding.names):
        later = [m for m in mentions(site.places, name) if m.place.stmt.pos > stmt.pos]
        value = getattr(stmt, "value", None)
        if value is not None and isinstance(site.holding.value(value), Query):
            last = max([last, *(_sibling(site, mention) for mention in later)])
        elif later:
            unsafe.append(f"{name} is used when the block has ended (line {later[0].node.pos[0]})")
    known = Aftermath(site.world, site.function)
    for later_stmt in site.place.block[site.place.number + 1 : last + 1]:
        reason = known.objection(later_stmt)
        if reason is not None:
            raise Refused(f"its lazy result is read where the session must not be open: that {reason}")
    return Plan(site, _free_name(site), last, unsafe=tuple(unsafe))


def _sibling(site: Site, mention: Mention) -> int:
    """The statement of the creation's block that a use of its lazy result is in."""
    for place in mention.place.chain:
        if place.block is site.place.block:
            return place.number
    raise Refused(f"its result is used where the block would have ended (line {mention.node.pos[0]})")


def _check_movable(site: Site, stmt: n.Stmt) -> None:
    if site.maker.kind == "wrapper":
        raise Refused("the object that holds the session has no name")
    looped = isinstance(stmt, n.For) and not stmt.is_async
    if not isinstance(stmt, (*_SIMPLE, n.If)) and not looped:
        raise Refused("the session is made in an expression that cannot move")
    if isinstance(stmt, n.If) and site.lines[stmt.pos[0] - 1][stmt.pos[1] :].startswith("elif"):
        raise Refused("the session is made in an `elif`")
    around = (*site.above, site.call)
    for outer, inner in itertools.pairwise(around):
        if not _is_evaluated_at_once(outer, inner):
            raise Refused("the session is made in an expression that may not run, or runs later")
    if isinstance(site.above[-1], (n.Assign, n.AnnAssign, n.Walrus, n.IfExp, n.BoolOp, n.Await)):
        raise Refused("the session is bound in a way that cannot become a block")
    if not stands_alone(site.lines, stmt):
        raise Refused(f"line {stmt.pos[0]} holds more than one statement")


def _is_evaluated_at_once(outer: object, inner: object) -> bool:
    """Whether evaluating *outer* always evaluates its part *inner*, once and now."""
    if isinstance(outer, (n.Lambda, n.FunctionDef, n.ClassDef)):
        return False
    if isinstance(outer, n.BoolOp):
        return inner is outer.values[0]
    if isinstance(outer, n.IfExp):
        return inner is outer.test
    if isinstance(outer, n.Comprehension):
        first = outer.generators[0]
        return outer.kind != "generator" and (inner is first or inner is first.iter)
    if isinstance(outer, n.Generator):
        return inner is outer.iter
    return not (isinstance(outer, n.For) and inner is not outer.iter)


def _escapes(site: Site, stmt: n.Stmt) -> Iterator[str]:
    for inner in statements((stmt,)):
        if isinstance(inner, n.Return) and site.holding.holds(inner.value):
            yield f"what line {inner.pos[0]} returns may need the session"
    if (
        isinstance(stmt, n.Assign)
        and site.holding.holds(stmt.value)
        and any(not isinstance(t, n.Name) for t in stmt.targets)
    ):
        yield f"what line {stmt.pos[0]} stores may need the session"


def _free_name(site: Site) -> str:
    """The name that the file gives its sessions, if the function does not use it for something else."""
    used = {node.id for place in site.places for node, _ in walk_with_parents(place.stmt) if isinstance(node, n.Name)}
    used |= site.world.local_names(site.function) | set(site.module.bindings)
    candidates = [*_usual_names(site), "session", "db_session", "new_session"]
    return next(name for name in (*candidates, *(f"session_{k}" for k in range(2, 100))) if name not in used)


def _usual_names(site: Site) -> list[str]:
    """What the file calls the sessions that it makes the same way, the most frequent first."""
    counted: Counter[str] = Counter()
    for function in site.module.functions:
        for stmt in statements(function.node.body):
            if isinstance(stmt, n.Assign) and _is_same_call(stmt.value, site.call):
                counted.update(name for name in bound_names(stmt))
            if isinstance(stmt, n.With):
                items = (item.target for item in stmt.items if _is_same_call(item.context, site.call))
                counted.update(target.id for target in items if isinstance(target, n.Name))
    return [name for name, _ in counted.most_common()]


def _is_same_call(expr: n.Expr, call: n.Call) -> bool:
    return isinstance(expr, n.Call) and _without_positions(expr.func) == _without_positions(call.func)


def _without_positions(expr: n.Expr) -> object:
    if isinstance(expr, n.Attribute):
        return (_without_positions(expr.value), expr.attr)
    return expr.id if isinstance(expr, n.Name) else None
