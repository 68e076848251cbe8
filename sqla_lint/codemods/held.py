"""Planning the block of what an object holds: ``with self.adapter:`` over what was closed by a call at each exit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqla_lint.codemods.aftermath import Aftermath, following
from sqla_lint.codemods.entering import Entering, entering
from sqla_lint.codemods.holding import Holding
from sqla_lint.codemods.layout import stands_alone
from sqla_lint.codemods.places import Place, inner_blocks, is_in, own_walk, places
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import Closing, Exit
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import OPEN
from sqla_lint.flow.terms.values import Instance
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n


class HeldPlan(NamedTuple):
    """Statements *first* to *last* of *block* go under ``with`` *owner*; *removed* are the closes."""

    facts: Facts
    world: World
    module: ModuleIndex
    places: tuple[Place, ...]
    owner: n.Attribute
    entered: Entering
    first: Place
    last: Place
    removed: tuple[Place, ...]
    unsafe: tuple[str, ...] = ()


def held(facts: Facts, world: World, module: ModuleIndex, sid: Sid) -> HeldPlan:
    """The block over what ``self`` holds and a method closes before each return.

    Raises:
        Refused: no block can be right.
    """
    found = tuple(places(facts.function.node.body))
    closed = {e.pos for e in facts.events if isinstance(e, Closing) and e.sid == sid}
    removed = tuple(place for place in found if _called(place.stmt) in closed)
    if len(removed) < len(closed) or not removed:
        raise Refused("it is closed by more than a plain call")
    owner, closers = _owner(removed)
    for place in removed:
        if not stands_alone(module.source, place.stmt):
            raise Refused(f"line {place.stmt.pos[0]} shares its close with other code")
    mentions = [(place, node, above) for place, node, above in _mentions(found, owner)]
    first, last = _span(mentions)
    for place, node, above in mentions:
        _check_mention(node, above, place, removed)
    plan = HeldPlan(facts, world, module, found, owner, _entering(world, facts, owner, closers), first, last, removed)
    _check_shape(plan)
    return plan._replace(unsafe=(*_aftermath(plan, last), *_left_open(plan, sid)))


def _called(stmt: n.Stmt) -> n.Pos | None:
    """Where a statement that is nothing but a call makes it."""
    if not isinstance(stmt, n.ExprStmt):
        return None
    call = stmt.value.value if isinstance(stmt.value, n.Await) else stmt.value
    plain = isinstance(call, n.Call) and isinstance(call.func, n.Attribute) and not call.args and not call.keywords
    return call.pos if plain else None


def _owner(removed: tuple[Place, ...]) -> tuple[n.Attribute, frozenset[str]]:
    """What is closed (``self.adapter``, the same in each call), and by which methods."""
    owners: dict[tuple[str, ...], n.Attribute] = {}
    closers: set[str] = set()
    for place in removed:
        assert isinstance(place.stmt, n.ExprStmt)
        call = place.stmt.value.value if isinstance(place.stmt.value, n.Await) else place.stmt.value
        assert isinstance(call, n.Call)
        assert isinstance(call.func, n.Attribute)
        dotted = _dotted(call.func.value)
        if dotted is None or len(dotted) < 2 or not isinstance(call.func.value, n.Attribute):
            raise Refused("the object closes itself: its user must open and close it")
        owners[dotted] = call.func.value
        closers.add(call.func.attr)
    if len(owners) > 1:
        raise Refused("it is closed by more than one name")
    return next(iter(owners.values())), frozenset(closers)


def _dotted(expr: n.Expr) -> tuple[str, ...] | None:
    parts: list[str] = []
    while isinstance(expr, n.Attribute):
        parts.append(expr.attr)
        expr = expr.value
    return (expr.id, *reversed(parts)) if isinstance(expr, n.Name) else None


def _mentions(found: tuple[Place, ...], owner: n.Attribute) -> Iterator[tuple[Place, n.Attribute, tuple[object, ...]]]:
    wanted = _dotted(owner)
    for place in found:
        for node, above in own_walk(place):
            if isinstance(node, n.Attribute) and node.attr == owner.attr and _dotted(node) == wanted:
                yield place, node, above


def _span(mentions: list[tuple[Place, n.Attribute, tuple[object, ...]]]) -> tuple[Place, Place]:
    """The first and the last statement that use it, of the innermost block that all of them are in."""
    chains = [list(reversed(list(place.chain))) for place, _, _ in mentions]
    depth = 0
    while all(len(chain) > depth + 1 for chain in chains) and _same([chain[depth] for chain in chains]):
        if not _same_block([chain[depth + 1] for chain in chains]):
            break
        depth += 1
    level = sorted((chain[depth] for chain in chains), key=lambda place: place.number)
    return level[0], level[-1]


def _same(level: list[Place]) -> bool:
    return all(place.stmt is level[0].stmt for place in level)


def _same_block(level: list[Place]) -> bool:
    return all(place.block is level[0].block for place in level)


def _check_mention(node: n.Attribute, above: tuple[object, ...], place: Place, removed: tuple[Place, ...]) -> None:
    line = node.pos[0]
    if is_in(place, removed):
        return
    if any(isinstance(part, (n.FunctionDef, n.Lambda, n.ClassDef)) for part in above):
        raise Refused(f"a closure uses it (line {line})")
    stmt = place.stmt
    targets = stmt.targets if isinstance(stmt, (n.Assign, n.Delete)) else (getattr(stmt, "target", None),)
    if any(target is node for target in targets):
        raise Refused(f"it is bound in the function (line {line})")
    if not isinstance(above[-1], n.Attribute):
        raise Refused(f"it is handed on or tested (line {line})")


def _entering(world: World, facts: Facts, owner: n.Attribute, closers: frozenset[str]) -> Entering:
    value = Holding(world, facts.function).value(owner)
    if isinstance(value, Session):
        if closers != {"close"}:
            raise Refused("it is closed by more than close()")
        if value.settings.is_async and not facts.function.node.is_async:
            raise Refused("an asynchronous session is closed in a function that is not")
        return Entering(is_async=value.settings.is_async)
    if not isinstance(value, Instance):
        raise Refused("what holds the session is not known well enough")
    return entering(world, facts.function, value.cls, closers)


def _check_shape(plan: HeldPlan) -> None:
    """What goes may be no block's only statement, and all of it must be in the block; no line is taken apart."""
    lines, ids = plan.module.source, {id(place.stmt) for place in plan.removed}
    for stmt in plan.first.block[plan.first.number : plan.last.number + 1]:
        if not stands_alone(lines, stmt):
            raise Refused(f"line {stmt.pos[0]} holds more than one statement")
    if lines[plan.first.stmt.pos[0] - 1][plan.first.stmt.pos[1] :].startswith("elif"):
        raise Refused("it is first used in an `elif`")
    for place in plan.places:
        for block, field, _ in inner_blocks(place.stmt):
            if (
                block
                and all(id(stmt) in ids for stmt in block)
                and field == "body"
                and not isinstance(place.stmt, n.If)
            ):
                raise Refused(f"the close is all that the block at line {place.stmt.pos[0]} does")
            if block and all(id(stmt) in ids for stmt in block) and isinstance(place.stmt, n.If):
                raise Refused(f"it is closed on a condition (line {place.stmt.pos[0]})")
    if all(id(s) in ids for s in plan.first.block[plan.first.number : plan.last.number + 1]):
        raise Refused("nothing uses it")
    for place in plan.places:
        if any(isinstance(node, n.Yield) for node, _ in own_walk(place)):
            raise Refused(f"the function hands over to its caller (line {place.stmt.pos[0]})")


def _aftermath(plan: HeldPlan, end: Place) -> Iterator[str]:
    """What runs between a close and the end of the block.

    Raises:
        Refused: it must not run while the session is open.
    """
    known = Aftermath(plan.world, plan.facts.function)
    ids = {id(place.stmt) for place in plan.removed}
    for place in plan.removed:
        for stmt in following(place, end):
            if id(stmt) in ids:
                continue
            if any(dotted == _dotted(plan.owner) for dotted in _all_dotted(stmt)):
                raise Refused(f"it is used again behind a close (line {stmt.pos[0]})")
            reason = known.objection(stmt)
            if reason is not None:
                raise Refused(f"code behind a close must not run while the session is open: it {reason}")
            if known.is_uncertain(stmt):
                yield f"line {stmt.pos[0]} would run while the session is still open"


def _all_dotted(stmt: n.Stmt) -> Iterator[tuple[str, ...] | None]:
    stack: list[object] = [stmt]
    while stack:
        item = stack.pop()
        if isinstance(item, n.Attribute):
            yield _dotted(item)
        if isinstance(item, tuple):
            stack.extend(item)


def _left_open(plan: HeldPlan, sid: Sid) -> Iterator[str]:
    """Ways out that did not close it and now will."""
    for event in plan.facts.events:
        if isinstance(event, Exit) and event.sid == sid and event.how != "raise" and event.state.status == OPEN:
            line = event.pos[0] if event.pos is not None else plan.last.stmt.pos[2]
            yield f"the way out at line {line} left it open"
