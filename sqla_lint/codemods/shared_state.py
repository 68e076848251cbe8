"""Whether functions share state through a session of their module: then none of them can have one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.holding import Holding
from sqla_lint.codemods.places import Place, own_walk, places, walk_with_parents
from sqla_lint.codemods.shared_uses import Uses, where
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.flow.terms.values import ClassValue, FunctionValue
from sqla_lint.index.module import Function, own_nodes
from sqla_lint.lower import nodes as n

_KEEPS = frozenset({"add", "add_all", "merge", "merge_all"})
_MAX_CALLS = 4


class Share(NamedTuple):
    """What one function does with the shared session: the methods it calls, the calls that write, whether it changes
    rows; *handed* if it gives the session to other code.
    """

    function: Function
    holding: Holding
    places: tuple[Place, ...]
    methods: frozenset[str]
    first: n.Pos
    last: n.Pos
    first_write: n.Pos | None
    handed: bool

    @property
    def commits(self) -> bool:
        return "commit" in self.methods

    @property
    def writes(self) -> bool:
        return self.first_write is not None


def check(world: World, uses: Uses) -> None:
    """Raise where a function's scope would cut what belongs together.

    Raises:
        Refused: functions share state through the session.
    """
    shares = {function: _share(world, function, nodes) for function, nodes in uses.functions.items()}
    for caller in _callers(world, shares):
        for call, callee in _calls(world, caller, shares):
            reason = _between(world, caller, shares.get(caller), call, shares[callee])
            if reason is not None:
                place = where(world, caller.path, call.pos)
                raise Refused(f"functions share state through it: {caller.qualname} {reason} ({place})")
    for share, judge in ((one, judge) for judge in (_alone, _only_ends) for one in shares.values()):
        place = where(world, share.function.path, share.function.node.pos)
        reason = judge(share)
        if reason is not None:
            raise Refused(f"functions share state through it: {share.function.qualname} {reason} ({place})")


def _share(world: World, function: Function, nodes: tuple[n.Expr, ...]) -> Share:
    found = tuple(places(function.node.body))
    holding = Holding(world, function)
    methods: set[str] = set()
    writes: list[n.Pos] = []
    handed = False
    for place in found:
        for node, above in own_walk(place):
            if not any(node is one for one in nodes):
                continue
            around = above[-1]
            if isinstance(around, n.Attribute) and around.value is node:
                methods.add(around.attr)
                if around.attr in api.WRITES - {"flush"}:
                    writes.append(around.pos)
                if around.attr in ("query", "execute") and _writes_in_bulk(above):
                    writes.append(around.pos)
            else:
                handed = True
        writes += [target.pos for target in _changed(holding, place)]
    ordered = sorted(node.pos for node in nodes)
    return Share(
        function, holding, found, frozenset(methods), ordered[0], ordered[-1], min(writes, default=None), handed
    )


def _writes_in_bulk(above: tuple[object, ...]) -> bool:
    names = {node.attr for node in above if isinstance(node, n.Attribute)}
    names |= {node.func.id for node in above if isinstance(node, n.Call) and isinstance(node.func, n.Name)}
    given = [arg for node in above if isinstance(node, n.Call) for arg in node.args]
    inner = {
        getattr(p.func, "id", getattr(p.func, "attr", "")) for p in own_nodes(tuple(given)) if isinstance(p, n.Call)
    }
    return bool((names | inner) & {"update", "delete", "insert"})


def _changed(holding: Holding, place: Place) -> Iterator[n.Expr]:
    """The attributes of rows that a statement writes."""
    stmt = place.stmt
    targets = stmt.targets if isinstance(stmt, n.Assign) else (stmt.target,) if isinstance(stmt, n.AugAssign) else ()
    for target in targets:
        if isinstance(target, n.Attribute) and _is_row(holding, target.value):
            yield target
    for node, _ in own_walk(place):
        if isinstance(node, n.Call) and isinstance(node.func, n.Name) and node.func.id == "setattr" and node.args:
            if _is_row(holding, node.args[0]):
                yield node


def _is_row(holding: Holding, expr: n.Expr) -> bool:
    return isinstance(holding.value(expr), Entity) or (isinstance(expr, (n.Name, n.Call)) and holding.holds(expr))


# --- one function


def _alone(share: Share) -> str | None:
    if share.function.is_generator and not _yields_it(share):
        return "is a generator that keeps it between two rows"
    if share.writes and not share.commits and not share.handed and "rollback" not in share.methods:
        return "changes rows that it does not commit"
    if "commit" in share.methods or "refresh" in share.methods:
        given = _given(share)
        if given is not None:
            return f"changes {given}, which its caller has loaded"
    return None


def _only_ends(share: Share) -> str | None:
    if share.methods and share.methods <= api.ENDS_WORK and not share.handed and not share.function.is_generator:
        return "does nothing but end what others began"
    return None


def _yields_it(share: Share) -> bool:
    return share.handed and not share.methods - api.ENDS_WORK


def _given(share: Share) -> str | None:
    """A parameter (or what an object holds) that the function changes, refreshes or deletes without adding it."""
    params = {param.name for param in share.function.node.params}
    added = {name for place in share.places for name in _arguments(place, _KEEPS)}
    for place in share.places:
        for name in _arguments(place, frozenset({"delete", "refresh", "expunge"})):
            if name in params - added:
                return name
        stmt = place.stmt
        targets = stmt.targets if isinstance(stmt, n.Assign) else (getattr(stmt, "target", None),)
        for target in targets:
            path = _path(target) if isinstance(target, n.Attribute) else None
            if path is not None and path[0] in params - added and (len(path) > 2 or path[0] not in ("self", "cls")):
                return ".".join(path[:-1])
    return None


def _arguments(place: Place, methods: frozenset[str]) -> Iterator[str]:
    for node, _ in own_walk(place):
        if isinstance(node, n.Call) and isinstance(node.func, n.Attribute) and node.func.attr in methods:
            yield from (arg.id for arg in node.args if isinstance(arg, n.Name))


def _path(expr: n.Expr) -> tuple[str, ...] | None:
    parts: list[str] = []
    while isinstance(expr, n.Attribute):
        parts.append(expr.attr)
        expr = expr.value
    return (expr.id, *reversed(parts)) if isinstance(expr, n.Name) else None


# --- one function and another


def _callers(world: World, shares: dict[Function, Share]) -> list[Function]:
    found = {caller for function in shares for caller in world.roles.callers(function)}
    return sorted(found | set(shares), key=lambda function: function.key)


def _calls(world: World, caller: Function, shares: dict[Function, Share]) -> Iterator[tuple[n.Call, Function]]:
    """The calls of a function that lead to one that uses the session."""
    holding = Holding(world, caller)
    for node in own_nodes(caller.node.body):
        if isinstance(node, n.Call):
            for function in _reached(world, holding.value(node.func), shares, 0):
                yield node, function


def _reached(world: World, callee: object, shares: dict[Function, Share], depth: int) -> Iterator[Function]:
    if isinstance(callee, ClassValue):
        made = world.method(callee.cls, "__init__")
        callee = FunctionValue(made) if made is not None else None
    if not isinstance(callee, FunctionValue):
        return
    if callee.function in shares:
        yield callee.function
    elif depth < _MAX_CALLS:
        holding = Holding(world, callee.function)
        for node in own_nodes(callee.function.node.body):
            if isinstance(node, n.Call):
                yield from _reached(world, holding.value(node.func), shares, depth + 1)


def _between(world: World, caller: Function, own: Share | None, call: n.Call, callee: Share) -> str | None:
    """Why the call needs both functions to have one session, or None."""
    name = callee.function.node.name
    holding = own.holding if own is not None else Holding(world, caller)
    if any(holding.holds(arg) for arg in (*call.args, *(keyword.value for keyword in call.keywords))):
        return f"hands a row to {name}"
    if own is None:
        changed = [t for place in places(caller.node.body) for t in _changed(holding, place)]
        return f"changes a row that {name} loads" if changed and holding.holds(call) else None
    if (own.writes or own.commits) and holding.holds(call) and not _is_tested(own, call):
        return f"goes on with a row that {name} loads"
    outside = call.pos < own.first or call.pos > own.last
    if not (callee.writes or callee.commits) and (own.first_write is None or call.pos < own.first_write or outside):
        return None
    return None if outside and not _in_loop(own, call) else f"calls {name} within its own work"


def _is_tested(own: Share, call: n.Call) -> bool:
    """Whether what the call gives is only asked for its truth."""
    for place in own.places:
        stmt = place.stmt
        if isinstance(stmt, (n.If, n.While)):
            for node, above in walk_with_parents(stmt.test, (stmt,)):
                if node is call:
                    return all(isinstance(part, (n.If, n.While, n.UnaryOp, n.BoolOp, n.Compare)) for part in above)
    return False


def _in_loop(own: Share, call: n.Call) -> bool:
    return any(
        any(node is call for node, _ in own_walk(place))
        and any(isinstance(p.stmt, (n.For, n.While)) for p in place.chain)
        for place in own.places
    )
