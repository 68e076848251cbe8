"""Planning the block of one session: which statements go under the ``with``, which go altogether, and whether that is safe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.aftermath import Aftermath, following
from sqla_lint.codemods.handover import objection
from sqla_lint.codemods.holding import stores
from sqla_lint.codemods.layout import stands_alone
from sqla_lint.codemods.places import Mention, Place, binds, inner_blocks, mentions, method_call, own_walk
from sqla_lint.codemods.site import Refused, Site
from sqla_lint.flow.facts import Created
from sqla_lint.flow.values import FunctionValue, Session
from sqla_lint.lower import nodes as n


class Plan(NamedTuple):
    """*last* is the last statement under the ``with``, of the block that *site*'s creation is in.

    *removed* statements go; *dissolved* ``try`` statements lose everything but their body, *dropped* are handlers that only raise
    again; *around* is the ``try`` that the ``with`` goes into; *begins* if the block commits by itself.
    """

    site: Site
    name: str
    last: int
    removed: tuple[Place, ...] = ()
    dissolved: tuple[Place, ...] = ()
    dropped: tuple[n.Handler, ...] = ()
    around: Place | None = None
    begins: bool = False
    unsafe: tuple[str, ...] = ()


def named(site: Site, name: str) -> Plan:
    """The block of a session that is bound to the variable *name*.

    Raises:
        Refused: no block can be right.
    """
    _check_bindings(site, name)
    for mention in site.mentions:
        reason = objection(site, mention)
        if reason is not None:
            raise Refused(reason)
    inside, outside = _split(site)
    removed = _removed(site, inside, outside)
    last = _last(site, name, inside)
    end = site.place._replace(stmt=site.place.block[last], index=last)
    unsafe = _check_aftermath(site, name, removed, end)
    _check_others(site, removed, last)
    kept = [m for m in inside if not _is_in(m.place, removed)]
    if not kept:
        raise Refused("nothing uses the session")
    plan = Plan(site, name, last, removed, unsafe=(*unsafe, *_escapes(site, name)))
    plan = _with_commit(plan) or _with_try_around(plan) or plan
    plan = _with_empty_tries(plan)
    _check_shape(plan)
    return plan


def _check_bindings(site: Site, name: str) -> None:
    if name in site.function.globals or any(param.name == name for param in site.function.node.params):
        raise Refused(f"{name} is the caller's as well: it is opened here only where none was given")
    fine = {id(site.place.stmt), *(id(place.stmt) for place in site.preamble)}
    for place in site.places:
        if id(place.stmt) not in fine and binds(place, name):
            raise Refused(f"{name} is bound again (line {place.stmt.pos[0]}): more than one session goes by that name")


# --- where the block begins and ends


def _split(site: Site) -> tuple[list[Mention], list[Mention]]:
    """The uses that come after the creation in its own block, and all others."""
    inside: list[Mention] = []
    outside: list[Mention] = []
    for mention in site.mentions:
        (inside if _index_in(mention.place, site.place) is not None else outside).append(mention)
    return inside, outside


def _index_in(place: Place, creation: Place) -> int | None:
    """The index of the statement that *place* is in, among those after the creation in its block."""
    for around in place.chain:
        if around.block is creation.block and around.index > creation.index:
            return around.index
    return None


def _is_in(place: Place, among: Sequence[Place]) -> bool:
    ids = {id(one.stmt) for one in among}
    return any(id(around.stmt) in ids for around in place.chain)


def _removed(site: Site, inside: list[Mention], outside: list[Mention]) -> tuple[Place, ...]:
    """The closes, and the rollbacks in the handlers around the block: leaving it does what they did."""
    gone = list(site.removable)
    for mention in outside:
        if _is_in(mention.place, site.removable):
            continue
        rollback = next((p for p in site.rollbacks if _is_in(mention.place, [p])), None)
        if rollback is None or not _handles(rollback, site.place):
            raise Refused(f"it is used outside the block that opens it (line {mention.node.pos[0]})")
        if rollback not in gone:
            gone.append(rollback)
    for place in gone:
        if not stands_alone(site.lines, place.stmt):
            raise Refused(f"line {place.stmt.pos[0]} shares its close with other code")
    return (*gone, *site.preamble)


def _handles(place: Place, creation: Place) -> bool:
    """Whether *place* is in a handler of a ``try`` whose body the creation is in."""
    return any(
        around.field == "handlers" and around.parent is not None and _is_in_body(creation, around.parent) for around in place.chain
    )


def _is_in_body(place: Place, of: Place) -> bool:
    return any(p.parent is not None and p.parent.stmt is of.stmt and p.field == "body" for p in place.chain)


def _last(site: Site, name: str, inside: list[Mention]) -> int:
    """The last statement that needs the session: its last use, or that of its rows where nothing has closed it by then."""
    block = site.place.block
    last = max((_index_in(m.place, site.place) or 0 for m in inside), default=0)
    if not last:
        raise Refused("nothing uses the session")
    if site.left_open and not _closes(site, block[last]):
        last = max(last, _last_row(site, name, last))
    return _past_other_closes(site, last)


def _closes(site: Site, stmt: n.Stmt) -> bool:
    """Whether the session is surely closed behind *stmt*, a statement of the creation's block."""
    ids = {id(place.stmt) for place in site.removable}
    return id(stmt) in ids or isinstance(stmt, n.Try) and any(id(inner) in ids for inner in stmt.final)


def _last_row(site: Site, name: str, last: int) -> int:
    for other in sorted(site.holding.names - {name}):
        bound = [p for p in site.places if binds(p, other) and _index_in(p, site.place) is not None]
        if not bound:
            continue
        for mention in mentions(site.places, other):
            index = _index_in(mention.place, site.place)
            if index is None and mention.place.stmt.pos > site.place.stmt.pos and not binds(mention.place, other):
                raise Refused(f"{other} is used where the block would have ended (line {mention.node.pos[0]})")
            last = max(last, index or 0)
    return last


def _past_other_closes(site: Site, last: int) -> int:
    """Sessions that are made in the block and closed right behind it are closed in it."""
    block = site.place.block
    while last + 1 < len(block):
        stmt = block[last + 1]
        closed = [other for other in _made_between(site, last) if method_call(stmt, other) == "close"]
        if not closed:
            break
        last += 1
    return last


def _made_between(site: Site, last: int) -> list[str]:
    first, end = site.place.stmt.pos, site.place.block[last].pos
    others = [e for e in site.facts.events if isinstance(e, Created) and e.sid != site.sid and first < e.pos and e.pos[:2] < end[2:]]
    return [site.facts.names[e.sid] for e in others if e.sid in site.facts.names]


# --- what else is in the way


def _check_aftermath(site: Site, name: str, removed: Sequence[Place], end: Place) -> tuple[str, ...]:
    """What runs between a close and the end of the block.

    Raises:
        Refused: it must not run while the session is open.
    """
    known = Aftermath(site.world, site.function)
    uncertain: list[int] = []
    ids = {id(place.stmt) for place in (*removed, *site.rollbacks)}
    for place in removed:
        if _index_in(place, site.place) is None:
            continue
        for stmt in following(place, end):
            if id(stmt) in ids:
                continue
            if _uses(stmt, name, ids):
                raise Refused(f"it is used again behind a close (line {stmt.pos[0]})")
            reason = known.objection(stmt)
            if reason is not None:
                raise Refused(f"code behind a close must not run while the session is open: it {reason}")
            if known.is_uncertain(stmt):
                uncertain.append(stmt.pos[0])
    return (f"line {min(uncertain)} would run while the session is still open",) if uncertain else ()


def _uses(stmt: n.Stmt, name: str, ignored: set[int]) -> bool:
    stack: list[object] = [stmt]
    while stack:
        item = stack.pop()
        if isinstance(item, n.Name) and item.id == name:
            return True
        if isinstance(item, tuple) and id(item) not in ignored:
            stack.extend(item)
    return False


def _check_others(site: Site, removed: Sequence[Place], last: int) -> None:
    """Two sessions whose lives overlap without one being inside the other cannot both be blocks."""
    begin, end = site.place.stmt.pos, site.place.block[last].pos
    kept = [m.node.pos for m in site.mentions if not _is_in(m.place, removed)]
    for event in site.facts.events:
        other = site.facts.names.get(event.sid) if isinstance(event, Created) and event.sid != site.sid else None
        if other is None or other == site.name:
            continue
        uses = [m.node.pos for m in mentions(site.places, other)]
        first, final = min(uses, default=begin), max(uses, default=begin)
        behind = begin < first and first[:2] < end[2:] < final[:2]
        before = first < begin < final and any(final < pos for pos in kept)
        if behind or before:
            raise Refused(f"its life and that of the session {other} overlap (line {final[0]})")


def _escapes(site: Site, name: str) -> Iterator[str]:
    """Ways that left the session open and gave away what may need it."""
    if not site.left_open:
        return
    holding, left = site.holding, {way.pos for way in site.open_exits if way.how == "return"}
    for place in site.places:
        stmt = place.stmt
        if isinstance(stmt, n.Return) and stmt.pos in left and holding.holds(stmt.value):
            yield f"what line {stmt.pos[0]} returns may need the session"
        for target, values in stores(place):
            if _is_foreign(target, site, isinstance(stmt, n.Assign)) and any(_holds_row(site, value) for value in values):
                yield f"what line {stmt.pos[0]} stores may need the session"
        for node, above in own_walk(place):
            if isinstance(node, n.Yield) and holding.holds(node.value):
                yield f"what line {node.pos[0]} yields may need the session"
            if isinstance(node, n.Call) and _adds_foreign(node, site):
                yield f"what line {node.pos[0]} adds belongs to the caller, who may need the session"


def _holds_row(site: Site, expr: n.Expr) -> bool:
    return site.holding.holds(expr) and not isinstance(site.holding.value(expr), Session)


def _is_foreign(target: n.Expr, site: Site, rebinds: bool) -> bool:
    """Whether a target is, or is part of, something that outlives the function; *rebinds* if only a variable changes."""
    plain = isinstance(target, n.Name)
    while isinstance(target, (n.Attribute, n.Subscript)):
        target = target.value
    if not isinstance(target, n.Name):
        return not isinstance(target, (n.Sequence, n.Call))
    if target.id in site.function.globals:
        return True
    if plain and rebinds:
        return False
    params = {param.name for param in site.function.node.params}
    return target.id in params or target.id not in site.world.local_names(site.function)


def _adds_foreign(call: n.Call, site: Site) -> bool:
    """Whether ``session.add(x)`` adds an object that this function was given."""
    func = call.func
    if not (isinstance(func, n.Attribute) and func.attr in ("add", "add_all", "refresh", "delete") and call.args):
        return False
    params = {param.name for param in site.function.node.params}
    given = call.args[0]
    while isinstance(given, n.Attribute):
        given = given.value
    is_ours = isinstance(func.value, n.Name) and func.value.id == site.name
    return is_ours and isinstance(given, n.Name) and given.id in params


# --- the forms of the block


def _with_commit(plan: Plan) -> Plan | None:
    """``with factory.begin()``: handlers that only roll back and raise again, behind a commit that is the last thing done."""
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
    rest = [m for m in site.mentions if not _is_in(m.place, gone) and m.place.stmt is not commit.stmt]
    if not rest or any(_ends_early(mention, name) for mention in rest) or _leaves_early(site, guard):
        return None
    if max(m.node.pos for m in rest) > commit.stmt.pos:
        return None
    return plan._replace(removed=(*gone, commit), begins=True)


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
    behind = [p for p in found if p.index <= plan.last and p.index > site.place.index]
    if behind and (behind[-1].stmt is stmt or all(_is_in(_at(behind[-1], k), plan.removed) for k in range(behind[-1].index + 1, plan.last + 1))):
        return behind[-1]
    return None


def _at(place: Place, index: int) -> Place:
    return place._replace(stmt=place.block[index], index=index)


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
    jumps = any(isinstance(p.stmt, n.Return) or isinstance(p.stmt, n.Jump) and p.stmt.kind != "pass" for p in found)
    return jumps or any(isinstance(node, n.Yield) for p in found for node, _ in own_walk(p))


def _with_try_around(plan: Plan) -> Plan | None:
    """A handler that swallows stays, around the block: what is left of the session is rolled back when the block is left."""
    site = plan.site
    block, index = site.place.block, site.place.index
    if site.maker.kind in ("function", "wrapper") or plan.last != index + 1 or site.place.stmt.pos[0] != site.place.stmt.pos[2]:
        return None
    stmt = block[plan.last]
    if not isinstance(stmt, n.Try) or stmt.is_star or all(isinstance(h.body[-1], n.Raise) for h in stmt.handlers):
        return None
    guard = next(p for p in site.places if p.stmt is stmt)
    rollbacks = [p for p in site.rollbacks if _index_of_handler(p, guard)]
    gone = (*plan.removed, *(p for p in rollbacks if p not in plan.removed))
    behind = [block for block, field, _ in inner_blocks(stmt) if field != "body"]
    ids = {id(place.stmt) for place in gone}
    wanted = site.holding.names | {plan.name}
    if any(_uses(s, name, ids) for part in behind for s in part if id(s) not in ids for name in wanted):
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
    first = plan.site.place.index + 1
    if all(id(s) in ids for s in plan.site.place.block[first : plan.last + 1]):
        raise Refused("nothing uses the session")
