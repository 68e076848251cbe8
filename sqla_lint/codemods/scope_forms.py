"""The forms that a session's block can take: it commits by itself, stands in the ``try``, or needs no ``try``."""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.layout import stands_alone
from sqla_lint.codemods.places import Mention, Place, inner_blocks, is_in, method_call, own_walk, uses
from sqla_lint.codemods.scope_plan import Plan
from sqla_lint.codemods.site import Refused, Site
from sqla_lint.flow.terms.values import FunctionValue
from sqla_lint.lower import nodes as n


def formed(plan: Plan, *, begins: bool = False) -> Plan:
    """*plan* in the best form that means the same.

    Args:
        plan: the statements under the block and those that go.
        begins: whether a commit that comes last is to be the block's, without a handler around it too.

    Raises:
        Refused: a block would lose its last statement where nothing can stand in for it.
    """
    plan = (None if plan.refreshed else _with_commit(plan)) or _with_try_around(plan) or plan
    if begins and not plan.begins and not plan.refreshed:
        plan = _with_last_commit(plan) or plan
    plan = _with_empty_tries(plan)
    _check_shape(plan)
    return plan


def _with_commit(plan: Plan) -> Plan | None:
    """``with factory.begin()``: handlers that only roll back and raise again, behind a commit that comes last."""
    site, name = plan.site, plan.name
    guard = _guarding_try(plan)
    if guard is None or site.maker.kind == "wrapper" or not _is_fresh(site):
        return None
    assert isinstance(guard.stmt, n.Try)
    rollbacks = [p for p in site.rollbacks if _index_of_handler(p, guard)]
    gone = (*plan.removed, *(p for p in rollbacks if p not in plan.removed))
    ids = {id(place.stmt) for place in gone}
    if not rollbacks or not all(_only_raises(handler, ids) for handler in guard.stmt.handlers):
        return None
    if any(id(s) not in ids for s in (*guard.stmt.orelse, *guard.stmt.final)):
        return None
    body = [s for s in guard.stmt.body if id(s) not in ids]
    if not body or method_call(body[-1], name) != "commit" or not stands_alone(site.lines, body[-1]):
        return None
    commit = next(p for p in site.places if p.stmt is body[-1])
    rest = [m for m in site.mentions if not is_in(m.place, gone) and m.place.stmt is not commit.stmt]
    if not rest or any(_ends_early(mention, name) for mention in rest) or _leaves_early(site, guard):
        return None
    if max(m.node.pos for m in rest) > commit.stmt.pos:
        return None
    return plan._replace(removed=(*gone, commit), begins=True)


def _with_last_commit(plan: Plan) -> Plan | None:
    """``with factory.begin()``: the last statement of the block is a commit, and nothing leaves it before."""
    site, name = plan.site, plan.name
    ids = {id(place.stmt) for place in plan.removed}
    if plan.around is not None:
        assert isinstance(plan.around.stmt, n.Try)
        body = plan.around.stmt.body
    else:
        body = site.place.block[site.place.number + 1 : plan.last + 1]
    body = tuple(stmt for stmt in body if id(stmt) not in ids)
    commits = [p for p in site.places if method_call(p.stmt, name) == "commit"]
    if len(body) < 2 or len(commits) != 1 or commits[0].stmt is not body[-1] or not _is_fresh(site):
        return None
    rest = [m for m in site.mentions if not is_in(m.place, [*plan.removed, commits[0]])]
    if not rest or any(_ends_early(mention, name) for mention in rest) or _leaves_early(site, commits[0]):
        return None
    if not stands_alone(site.lines, commits[0].stmt) or site.maker.kind == "wrapper":
        return None
    return plan._replace(removed=(*plan.removed, commits[0]), begins=True)


def _is_fresh(site: Site) -> bool:
    """Whether the session has no transaction yet when it is made: a function may have begun one."""
    callee = site.holding.value(site.call.func)
    return not isinstance(callee, FunctionValue) or not callee.function.words & (api.STATEMENTS | {"query", "begin"})


def _guarding_try(plan: Plan) -> Place | None:
    """The ``try`` that ends the block: the creation is right before it, or in its body."""
    site = plan.site
    parent = site.place.parent
    if parent is not None and isinstance(parent.stmt, n.Try) and site.place.field == "body" and parent.stmt.handlers:
        return parent
    stmt = site.place.block[plan.last]
    found = [p for p in site.places if isinstance(p.stmt, n.Try) and p.block is site.place.block and p.stmt.handlers]
    behind = [p for p in found if p.number <= plan.last and p.number > site.place.number]
    if behind and (
        behind[-1].stmt is stmt
        or all(is_in(_at(behind[-1], k), plan.removed) for k in range(behind[-1].number + 1, plan.last + 1))
    ):
        return behind[-1]
    return None


def _at(place: Place, index: int) -> Place:
    return place._replace(stmt=place.block[index], number=index)


def _index_of_handler(place: Place, guard: Place) -> bool:
    return any(p.field == "handlers" and p.parent is not None and p.parent.stmt is guard.stmt for p in place.chain)


def _only_raises(handler: n.Handler, gone: set[int]) -> bool:
    left = [s for s in handler.body if id(s) not in gone]
    return len(left) == 1 and isinstance(left[0], n.Raise) and left[0].exc is None and len(handler.body) > 1


def _ends_early(mention: Mention, name: str) -> bool:
    """A use that may end the transaction before the block does: the session handed on, or a second commit."""
    method = method_call(mention.place.stmt, name)
    if method in ("commit", "rollback", "begin"):
        return True
    around = mention.above[-1]
    return not isinstance(around, n.Attribute) or around.attr in ("commit", "rollback", "begin", "transaction", "close")


def _leaves_early(site: Site, guard: Place) -> bool:
    """Whether a ``return`` or the like would commit what was not committed before."""
    start = site.place.stmt.pos
    found = [p for p in site.places if start < p.stmt.pos and p.stmt.pos[:2] < guard.stmt.pos[2:]]
    jumps = any(isinstance(p.stmt, n.Return) or (isinstance(p.stmt, n.Jump) and p.stmt.kind != "pass") for p in found)
    return jumps or any(isinstance(node, n.Yield) for p in found for node, _ in own_walk(p))


def _with_try_around(plan: Plan) -> Plan | None:
    """A handler that swallows stays, around the block: leaving the block rolls back what is left."""
    site = plan.site
    block, index = site.place.block, site.place.number
    if (
        site.maker.kind in ("function", "wrapper")
        or any(not is_in(_at(site.place, k), plan.removed) for k in range(index + 2, plan.last + 1))
        or site.place.stmt.pos[0] != site.place.stmt.pos[2]
    ):
        return None
    stmt = block[index + 1]
    if not isinstance(stmt, n.Try) or stmt.is_star:
        return None
    guard = next(p for p in site.places if p.stmt is stmt)
    rollbacks = [p for p in site.rollbacks if _index_of_handler(p, guard)]
    gone = (*plan.removed, *(p for p in rollbacks if p not in plan.removed))
    behind = [block for block, field, _ in inner_blocks(stmt) if field != "body"]
    ids = {id(place.stmt) for place in gone}
    if all(_only_raises(handler, ids) for handler in stmt.handlers):
        return None
    wanted = site.holding.names | {plan.name}
    if any(uses(s, name, ids) for part in behind for s in part if id(s) not in ids for name in wanted):
        return None
    if any(not stands_alone(site.lines, p.stmt) for p in gone):
        return None
    return plan._replace(removed=gone, around=guard)


def _with_empty_tries(plan: Plan) -> Plan:
    """A ``try`` whose ``finally`` is gone and whose handlers only raise again has nothing left to do."""
    ids = {id(place.stmt) for place in plan.removed}
    dissolved: list[Place] = []
    dropped: list[n.Handler] = []
    for place in plan.site.places:
        stmt = place.stmt
        if not isinstance(stmt, n.Try) or not any(id(s) in ids for _, s in _clause_statements(stmt)):
            continue
        idle = [handler for handler in stmt.handlers if _only_raises(handler, ids)]
        final = [s for s in stmt.final if id(s) not in ids]
        orelse = [s for s in stmt.orelse if id(s) not in ids]
        if len(idle) == len(stmt.handlers) and not orelse:
            if not final:
                dissolved.append(place)
            dropped.extend(idle)
            continue
        for handler in reversed(stmt.handlers):
            if handler not in idle or len(idle) == len(stmt.handlers):
                break
            dropped.append(handler)
    return plan._replace(dissolved=tuple(dissolved), dropped=tuple(dropped))


def _clause_statements(stmt: n.Try) -> Iterator[tuple[str, n.Stmt]]:
    for block, field, _ in inner_blocks(stmt):
        if field in ("handlers", "final"):
            yield from ((field, inner) for inner in block)


def _check_shape(plan: Plan) -> None:
    """No block may lose its last statement where nothing can stand in for it."""
    ids = {id(place.stmt) for place in plan.removed}
    guards = {id(place.stmt) for place in plan.removed if isinstance(place.stmt, n.If)}
    for place in plan.site.places:
        for block, field, _ in inner_blocks(place.stmt):
            if not block or id(place.stmt) in guards or not all(id(s) in ids for s in block) or field != "body":
                continue
            if isinstance(place.stmt, n.If) and place.stmt.orelse:
                continue
            if isinstance(place.stmt, n.If):
                raise Refused(f"it is closed on a condition (line {place.stmt.pos[0]})")
            raise Refused(f"the close is all that the block at line {place.stmt.pos[0]} does")
    first = plan.site.place.number + 1
    if all(id(s) in ids for s in plan.site.place.block[first : plan.last + 1]):
        raise Refused("nothing uses the session")
