"""Planning the block of one session: which statements go under the ``with``, which go, and whether that is safe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqla_lint.codemods.aftermath import Aftermath, following
from sqla_lint.codemods.handover import objection
from sqla_lint.codemods.holding import stores
from sqla_lint.codemods.layout import stands_alone
from sqla_lint.codemods.places import Mention, Place, binds, is_in, mentions, method_call, own_walk, uses
from sqla_lint.codemods.refreshing import refreshed
from sqla_lint.codemods.site import Refused, Site
from sqla_lint.flow.terms.events import Created
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.lower import nodes as n


class Plan(NamedTuple):
    """*last* is the last statement under the ``with``, of the block that *site*'s creation is in.

    *removed* statements go; *dissolved* ``try`` statements keep only their body, *dropped* are handlers that only raise
    again; *around* is the ``try`` that the ``with`` goes into; *begins* if the block commits by itself. *refreshed* are
    rows to load again behind a commit, since they leave the block.
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
    refreshed: tuple[tuple[Place, str], ...] = ()


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
    end = site.place._replace(stmt=site.place.block[last], number=last)
    unsafe = _check_aftermath(site, name, removed, end)
    _check_others(site, removed, last)
    kept = [m for m in inside if not is_in(m.place, removed)]
    if not kept:
        raise Refused("nothing uses the session")
    return Plan(site, name, last, removed, unsafe=(*unsafe, *_escapes(site)), refreshed=_expired(site, kept))


def _expired(site: Site, mentions: Sequence[Mention]) -> tuple[tuple[Place, str], ...]:
    """The rows that nothing would load again once the session that was left open is closed."""
    session = site.facts.sessions.get(site.sid)
    if not site.left_open or session is None or session.settings.expire_on_commit is False:
        return ()
    return tuple(refreshed(site.world, site.function, tuple(m.node for m in mentions), site.places))


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
        if around.block is creation.block and around.number > creation.number:
            return around.number
    return None


def _removed(site: Site, inside: list[Mention], outside: list[Mention]) -> tuple[Place, ...]:
    """The closes, and the rollbacks in the handlers around the block: leaving it does what they did."""
    gone = list(site.removable)
    for mention in outside:
        if is_in(mention.place, site.removable):
            continue
        rollback = next((p for p in site.rollbacks if is_in(mention.place, [p])), None)
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
        around.field == "handlers" and around.parent is not None and _is_in_body(creation, around.parent)
        for around in place.chain
    )


def _is_in_body(place: Place, of: Place) -> bool:
    return any(p.parent is not None and p.parent.stmt is of.stmt and p.field == "body" for p in place.chain)


def _last(site: Site, name: str, inside: list[Mention]) -> int:
    """The last statement that needs the session: its last use, or that of its rows where it is not closed by then."""
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
    return id(stmt) in ids or (isinstance(stmt, n.Try) and any(id(inner) in ids for inner in stmt.final))


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
    others = [
        e
        for e in site.facts.events
        if isinstance(e, Created) and e.sid != site.sid and first < e.pos and e.pos[:2] < end[2:]
    ]
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
            if uses(stmt, name, ids):
                raise Refused(f"it is used again behind a close (line {stmt.pos[0]})")
            reason = known.objection(stmt)
            if reason is not None:
                raise Refused(f"code behind a close must not run while the session is open: it {reason}")
            if known.is_uncertain(stmt):
                uncertain.append(stmt.pos[0])
    return (f"line {min(uncertain)} would run while the session is still open",) if uncertain else ()


def _check_others(site: Site, removed: Sequence[Place], last: int) -> None:
    """Two sessions whose lives overlap without one being inside the other cannot both be blocks."""
    begin, end = site.place.stmt.pos, site.place.block[last].pos
    kept = [m.node.pos for m in site.mentions if not is_in(m.place, removed)]
    for event in site.facts.events:
        other = site.facts.names.get(event.sid) if isinstance(event, Created) and event.sid != site.sid else None
        if other is None or other == site.name:
            continue
        met = mentions(site.places, other)
        first, final = (met[0].node.pos, met[-1].node.pos) if met else (begin, begin)
        behind = begin < first and first[:2] < end[2:] < final[:2]
        closed = bool(met) and method_call(met[-1].place.stmt, other) == "close"
        before = first < begin < final and closed and any(final < pos for pos in kept)
        if behind or before:
            raise Refused(f"its life and that of the session {other} overlap (line {final[0]})")


def _escapes(site: Site) -> Iterator[str]:
    """Ways that left the session open and gave away what may need it."""
    if not site.left_open:
        return
    holding, left = site.holding, {way.pos for way in site.open_exits if way.how == "return"}
    for place in site.places:
        stmt = place.stmt
        if isinstance(stmt, n.Return) and stmt.pos in left and holding.holds(stmt.value):
            yield f"what line {stmt.pos[0]} returns may need the session"
        for target, values in stores(place):
            if _is_foreign(target, site, isinstance(stmt, n.Assign)) and any(
                _holds_row(site, value) for value in values
            ):
                yield f"what line {stmt.pos[0]} stores may need the session"
        for node, _above in own_walk(place):
            if isinstance(node, n.Yield) and holding.holds(node.value):
                yield f"what line {node.pos[0]} yields may need the session"
            if isinstance(node, n.Call) and _adds_foreign(node, site):
                yield f"what line {node.pos[0]} adds belongs to the caller, who may need the session"


def _holds_row(site: Site, expr: n.Expr) -> bool:
    return site.holding.holds(expr) and not isinstance(site.holding.value(expr), Session)


def _is_foreign(target: n.Expr, site: Site, rebinds: bool) -> bool:
    """Whether a target is (part of) something that outlives the function; *rebinds* if only a variable changes."""
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
