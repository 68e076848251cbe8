"""What a loop goes over: data, or a handful of written values, batches, attempts, or what never ends."""

from __future__ import annotations

from typing import Any

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.loops import rounds
from sqla_lint.index.module import Class, Function, own_nodes, statements, target_names, walk
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n

Loop = n.For | n.While | n.Comprehension | n.Call

_SAME_LENGTH = frozenset(
    {"enumerate", "zip", "sorted", "reversed", "list", "tuple", "set", "frozenset", "product", "dict", "iter", "chain"}
)
_CHANGES = frozenset({"append", "extend", "add", "insert", "update", "remove", "pop", "setdefault", "discard", "clear"})
_TAKES = frozenset({"pop", "popleft", "popitem"})


def goes_over_data(loop: Loop, function: Function, world: World) -> bool:
    """Whether a loop runs as often as there are data."""
    if isinstance(loop, n.While):
        return not _is_endless(loop)
    if isinstance(loop, n.For):
        return _is_data(loop, loop.target, loop.iter, loop.is_async, function, world) and not _tries(loop)
    if isinstance(loop, n.Comprehension):
        return any(_is_data(loop, g.target, g.iter, g.is_async, function, world) for g in loop.generators)
    return _is_called_over(loop, function, world)


def _is_called_over(call: n.Call, function: Function, world: World) -> bool:
    """Whether ``map(f, rows)``, ``sorted(rows, key=f)`` or ``rows.sort(key=f)`` goes over data."""
    if call.args:
        return not is_written(call.args[-1], function, world)
    return (
        isinstance(call.func, n.Attribute)
        and call.func.attr == "sort"
        and not is_written(call.func.value, function, world)
    )


def goes_over_batches(loop: Loop, function: Function, world: World) -> bool:
    """Whether each round of a loop is about many rows at once."""
    return isinstance(loop, n.For) and rounds.purpose(_for(loop), function, world) == "batch"


def variables(loop: Loop) -> frozenset[str]:
    """The names that hold what the round is about."""
    if isinstance(loop, n.For):
        return frozenset(target_names(loop.target))
    if isinstance(loop, n.Comprehension):
        return frozenset(name for g in loop.generators for name in target_names(g.target))
    if isinstance(loop, n.While):
        return frozenset(_taken(loop))
    values = (*loop.args, *(k.value for k in loop.keywords))
    return frozenset(p.name for value in values if isinstance(value, n.Lambda) for p in value.params)


def _for(loop: n.For) -> rounds.Loop:
    return rounds.Loop(loop.pos[:2], loop, loop.target, loop.iter, loop.is_async)


def _is_data(
    loop: n.For | n.Comprehension, target: n.Expr, source: n.Expr, is_async: bool, function: Function, world: World
) -> bool:
    if _is_one(source) or is_written(source, function, world):
        return False
    return rounds.purpose(rounds.Loop(loop.pos[:2], loop, target, source, is_async), function, world) == "data"


def _is_one(source: n.Expr) -> bool:
    """Whether *source* is one item at most: ``rows[:1]``."""
    key = source.key if isinstance(source, n.Subscript) else None
    if not isinstance(key, n.Slice) or not isinstance(key.upper, n.Constant):
        return False
    first = key.lower is None or isinstance(key.lower, n.Constant) and key.lower.value == 0
    return first and key.upper.value == 1


def _last(node: object) -> str:
    if isinstance(node, (n.Call, n.Await)):
        return _last(node.func if isinstance(node, n.Call) else node.value)
    return node.attr if isinstance(node, n.Attribute) else node.id if isinstance(node, n.Name) else ""


# --- what does not end, or ends with the first success ---------------------------------------------------------------


def _tries(loop: n.For) -> bool:
    """A loop over numbers that ends when one of them will do."""
    if not (isinstance(loop.iter, n.Call) and _last(loop.iter.func) == "range"):
        return False
    if any(_last(part) == "len" for part in walk(loop.iter)):
        return False
    return _leaves(loop.body)


def _leaves(body: tuple[n.Stmt, ...]) -> bool:
    return any(isinstance(s, n.Return) or isinstance(s, n.Jump) and s.kind == "break" for s in statements(body))


def _is_endless(loop: n.While) -> bool:
    always = isinstance(loop.test, n.Constant) and bool(loop.test.value)
    sleeps = any(isinstance(node, n.Call) and _last(node) == "sleep" for node in own_nodes(loop.body))
    return sleeps or (always and not _leaves(loop.body))


# --- what a ``while`` takes from a collection ------------------------------------------------------------------------


def takes_in(loop: Loop, expr: n.Expr) -> bool:
    """Whether *expr* itself takes an item of a collection that was there before its ``while``."""
    if not isinstance(loop, n.While):
        return False
    sources = {_source(part) for part in own_nodes(expr)} - {None}
    return bool(sources) and not sources & {
        name for node in own_nodes((loop.test, loop.body)) for name in _targets(node)
    }


def _taken(loop: n.While) -> set[str]:
    """The names that a round binds to what it takes from a collection that was there before."""
    inside = list(own_nodes((loop.test, loop.body)))
    bound = {name for node in inside for name in _targets(node)}
    found: set[str] = set()
    for node in inside:
        value = getattr(node, "value", None)
        source = _source(value) if isinstance(node, (n.Assign, n.AnnAssign, n.Walrus)) else None
        if source is not None and source not in bound:
            found |= set(_targets(node))
    return found


def _targets(node: Any) -> list[str]:
    if isinstance(node, n.Assign):
        return [name for target in node.targets for name in target_names(target)]
    return list(target_names(node.target)) if isinstance(node, (n.AnnAssign, n.Walrus, n.For)) else []


def _source(value: object) -> str | None:
    """The collection that ``stack.pop()``, ``next(rows)`` or ``heappop(heap)`` takes an item of."""
    if not isinstance(value, n.Call):
        return None
    if isinstance(value.func, n.Attribute) and value.func.attr in _TAKES and isinstance(value.func.value, n.Name):
        plain = all(not isinstance(arg, n.Constant) or arg.kind == "int" for arg in value.args)
        return value.func.value.id if plain and len(value.args) < 2 else None
    if _last(value.func) in ("next", "heappop") and value.args and isinstance(value.args[0], n.Name):
        return value.args[0].id
    return None


# --- written values --------------------------------------------------------------------------------------------------


def is_written(expr: n.Expr, function: Function, world: World, hops: int = 6) -> bool:
    """Whether what *expr* gives is as long as it is written: a display, a constant of the module, an enumeration."""
    if not hops:
        return False
    if isinstance(expr, n.Sequence):
        return bool(expr.items) and not any(isinstance(item, n.Starred) for item in expr.items)
    if isinstance(expr, n.Dict):
        return bool(expr.values) and None not in expr.keys
    if isinstance(expr, n.Constant):
        return True
    if isinstance(expr, n.Call):
        return _is_written_call(expr, function, world, hops - 1)
    if isinstance(expr, (n.BinOp, n.IfExp)):
        sides = (expr.left, expr.right) if isinstance(expr, n.BinOp) else (expr.body, expr.orelse)
        return all(is_written(side, function, world, hops - 1) for side in sides)
    if isinstance(expr, n.Subscript):
        return is_written(expr.value, function, world, hops - 1)
    return isinstance(expr, (n.Name, n.Attribute)) and _is_written_name(expr, function, world, hops - 1)


def _is_written_call(call: n.Call, function: Function, world: World, hops: int) -> bool:
    if isinstance(call.func, n.Attribute) and call.func.attr in ("items", "keys", "values", "split"):
        return is_written(call.func.value, function, world, hops)
    if _last(call.func) == "__subclasses__":
        return True
    same = _last(call.func) in _SAME_LENGTH or _last(call.func) == "range"
    return same and bool(call.args) and all(is_written(arg, function, world, hops) for arg in call.args)


def _is_written_name(expr: n.Name | n.Attribute, function: Function, world: World, hops: int) -> bool:
    if isinstance(expr, n.Name) and expr.id in world.local_names(function):
        return _is_written_local(expr.id, function, world, hops)
    if isinstance(expr, n.Attribute) and isinstance(expr.value, n.Name) and expr.value.id in ("self", "cls"):
        stmts = function.cls.assigned.get(expr.attr, ()) if function.cls is not None else ()
        return _is_written_once(stmts, function, world, hops)
    what = world.names.definition(function.path, expr)
    if isinstance(what, Class):
        return True
    if isinstance(expr, n.Attribute):
        owner = world.names.definition(function.path, expr.value)
        if isinstance(owner, Class):
            return _is_written_once(owner.assigned.get(expr.attr, ()), function, world, hops)
    return isinstance(what, Variable) and _is_written_once(what.assigned, function, world, hops)


def _is_written_once(stmts: Any, function: Function, world: World, hops: int) -> bool:
    value = getattr(stmts[0], "value", None) if len(stmts) == 1 else None
    return value is not None and is_written(value, function, world, hops)


def _is_written_local(name: str, function: Function, world: World, hops: int) -> bool:
    """A variable bound once, to written values, and never added to."""
    if any(param.name == name for param in function.node.params):
        return False
    bound = [s for s in statements(function.node.body) if name in _bound(s)]
    for node in walk(function.node.body):
        if isinstance(node, n.Attribute) and node.attr in _CHANGES and _last(node.value) == name:
            return False
        if (
            isinstance(node, n.Subscript)
            and _last(node.value) == name
            and any(isinstance(s, n.Assign) and node in s.targets for s in statements(function.node.body))
        ):
            return False
    return _is_written_once(bound, function, world, hops) and isinstance(bound[0], (n.Assign, n.AnnAssign))


def _bound(stmt: n.Stmt) -> list[str]:
    from sqla_lint.index.module import bound_names

    return list(bound_names(stmt))
