"""What a loop goes over: data, or a handful of written values, batches, attempts, or what never ends."""

from __future__ import annotations

from typing import Any

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.loops import rounds
from sqla_lint.flow.loops.written import is_written, last
from sqla_lint.index.module import Function, own_nodes, statements, target_names, walk
from sqla_lint.lower import nodes as n

Loop = n.For | n.While | n.Comprehension | n.Call

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


# --- what does not end, or ends with the first success ---------------------------------------------------------------


def _tries(loop: n.For) -> bool:
    """A loop over numbers that ends when one of them will do."""
    if not (isinstance(loop.iter, n.Call) and last(loop.iter.func) == "range"):
        return False
    if any(last(part) == "len" for part in walk(loop.iter)):
        return False
    return _leaves(loop.body)


def _leaves(body: tuple[n.Stmt, ...]) -> bool:
    return any(isinstance(s, n.Return) or isinstance(s, n.Jump) and s.kind == "break" for s in statements(body))


def _is_endless(loop: n.While) -> bool:
    always = isinstance(loop.test, n.Constant) and bool(loop.test.value)
    sleeps = any(isinstance(node, n.Call) and last(node) == "sleep" for node in own_nodes(loop.body))
    return sleeps or (always and not _leaves(loop.body))


# --- what a ``while`` takes from a collection ------------------------------------------------------------------------


def takes_in(loop: Loop, expr: n.Expr) -> bool:
    """Whether *expr* itself takes an item of a collection that was there before its ``while``."""
    if not isinstance(loop, n.While):
        return False
    counters = _counters(loop)
    sources = {_source(part, counters) for part in own_nodes(expr)} - {None}
    return bool(sources) and not sources & {
        name for node in own_nodes((loop.test, loop.body)) for name in _targets(node)
    }


def _taken(loop: n.While) -> set[str]:
    """The names that a round binds to what it takes from a collection that was there before."""
    inside = list(own_nodes((loop.test, loop.body)))
    bound = {name for node in inside for name in _targets(node)}
    found: set[str] = set()
    counters = _counters(loop)
    for node in inside:
        value = getattr(node, "value", None)
        source = _source(value, counters) if isinstance(node, (n.Assign, n.AnnAssign, n.Walrus)) else None
        if source is not None and source not in bound:
            found |= set(_targets(node))
    return found


def _targets(node: Any) -> list[str]:
    if isinstance(node, n.Assign):
        return [name for target in node.targets for name in target_names(target)]
    return list(target_names(node.target)) if isinstance(node, (n.AnnAssign, n.Walrus, n.For)) else []


def _counters(loop: n.While) -> frozenset[str]:
    """The names that a round counts on."""
    changed = (node.target for node in own_nodes(loop.body) if isinstance(node, n.AugAssign))
    return frozenset(target.id for target in changed if isinstance(target, n.Name))


def _source(value: object, counters: frozenset[str]) -> str | None:
    """The collection that ``stack.pop()``, ``next(rows)``, ``heappop(heap)`` or ``rows[i]`` takes an item of."""
    if isinstance(value, n.Subscript) and isinstance(value.key, n.Name) and value.key.id in counters:
        return value.value.id if isinstance(value.value, n.Name) else None
    if not isinstance(value, n.Call):
        return None
    if isinstance(value.func, n.Attribute) and value.func.attr in _TAKES and isinstance(value.func.value, n.Name):
        plain = all(not isinstance(arg, n.Constant) or arg.kind == "int" for arg in value.args)
        return value.func.value.id if plain and len(value.args) < 2 else None
    if last(value.func) in ("next", "heappop") and value.args and isinstance(value.args[0], n.Name):
        return value.args[0].id
    return None
