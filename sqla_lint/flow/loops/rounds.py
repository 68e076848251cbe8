"""What a loop goes round for: rows of data, batches of them, another try, or whatever comes next for ever.

Only the program's own words tell some of these apart: a loop over ``chunks(rows, 100)``, over ``range(retries)``, over
a ``consumer``. Where one of them says so, it is believed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.row_values import Entity, Forked, Many, Query
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import FunctionValue
from sqla_lint.index.module import Function, bound_names, own_nodes, statements
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

LoopId: TypeAlias = tuple[int, int]

_BATCH = frozenset(
    {"batch", "batche", "batched", "chunk", "chunked", "page", "paginate", "paginated", "paginator", "partition",
     "bucket", "shard", "groupby", "grouper", "fetchmany", "window"}
)  # fmt: skip
_RETRY = frozenset({"attempt", "retry", "retrie", "retrying", "trie", "backoff", "delay"})
_STREAM = frozenset(
    {"queue", "stream", "streaming", "consumer", "consume", "subscriber", "subscription", "subscribe", "listen",
     "listener", "poll", "polling", "watch", "watcher", "tail", "follow", "socket", "websocket", "pubsub", "channel",
     "inotify"}
)  # fmt: skip
_ENDLESS = frozenset({"itertools.count", "itertools.cycle", "itertools.repeat"})
# They give what they are given, one by one.
_PASSES_ON = frozenset(
    {"enumerate", "list", "tuple", "sorted", "reversed", "set", "iter", "aiter", "tqdm", "trange", "track", "zip",
     "islice", "progressbar"}
)  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_HOPS = 4


class Loop(NamedTuple):
    """A ``for``, ``while`` or comprehension: *id* as events name it, *iter* None for a ``while``."""

    id: LoopId
    node: n.For | n.While | n.Comprehension
    target: n.Expr | None
    iter: n.Expr | None
    is_async: bool = False

    def surrounds(self, pos: n.Pos) -> bool:
        """Whether *pos* is within the loop."""
        here = self.node.pos
        return here[:2] <= pos[:2] and pos[2:] <= here[2:]


def loops_of(function: Function) -> dict[LoopId, Loop]:
    """The loops of a function's own body by the position that events name them by."""
    found: dict[LoopId, Loop] = {}
    for stmt in statements(function.node.body):
        if isinstance(stmt, n.For):
            found[stmt.pos[:2]] = Loop(stmt.pos[:2], stmt, stmt.target, stmt.iter, stmt.is_async)
        elif isinstance(stmt, n.While):
            found[stmt.pos[:2]] = Loop(stmt.pos[:2], stmt, None, None)
    for node in own_nodes(function.node.body):
        if isinstance(node, n.Comprehension):
            key = (node.pos[0], node.pos[1] + 1)
            first = node.generators[-1]
            found[key] = Loop(key, node, first.target, first.iter, first.is_async)
    return found


def purpose(loop: Loop, function: Function, world: World) -> str:
    """What *loop* goes round for: ``data``, ``batch``, ``literal``, ``retry`` or ``endless`` (a ``while``, a queue)."""
    if loop.iter is None or loop.target is None:
        return "endless"
    words = _words(loop.target)
    if words & _RETRY:
        return "retry"
    rows = _value(world, function, loop.iter)
    if isinstance(rows, (Forked, Query)) or isinstance(rows, Many) and isinstance(rows.item, (Entity, Forked)):
        return "data"
    if words & _BATCH:
        return "batch"
    found = _source(loop.iter, function, world, _HOPS)
    return "endless" if loop.is_async and found == "data" and not _is_generator(loop.iter, function, world) else found


def _source(expr: n.Expr, function: Function, world: World, hops: int) -> str:
    """What iterating *expr* gives."""
    while isinstance(expr, n.Await):
        expr = expr.value
    if isinstance(expr, n.Call):
        return _call(expr, function, world, hops)
    if isinstance(expr, n.Sequence) and expr.items and all(_is_kind(item) for item in expr.items):
        return "literal"
    words = named(expr)
    for kind, known in (("endless", _STREAM), ("batch", _BATCH), ("retry", _RETRY)):
        if words & known:
            return kind
    if isinstance(expr, n.Name) and hops:
        for value in _assigned(expr.id, function):
            found = _source(value, function, world, hops - 1)
            if found != "data":
                return found
    return "data"


def _is_kind(item: n.Expr) -> bool:
    """``(Model, handler)``, written down: a kind of work rather than a row of data."""
    return isinstance(item, n.Sequence) and any(isinstance(e, (n.Name, n.Attribute)) for e in own_nodes(item))


def _call(call: n.Call, function: Function, world: World, hops: int) -> str:
    name = n.last_part(call.func)
    if name == "range":
        return _range(call)
    if name == "iter" and len(call.args) == 2 or world.names.dotted(function.path, call.func) in _ENDLESS:
        return "endless"
    if name in _PASSES_ON and call.args:
        return _source(call.args[0], function, world, hops)
    callee = called(world, function, call)
    if callee is not None and callee.is_generator and hops and not world.roles.is_context_manager(callee):
        inner = _generator(callee, world, hops)
        if inner != "data":
            return inner
    words = named(call.func)
    for kind, known in (("endless", _STREAM), ("batch", _BATCH), ("retry", _RETRY)):
        if words & known:
            return kind
    return "data"


def _range(call: n.Call) -> str:
    """``range(retries)`` tries again; ``range(0, n, size)`` steps from batch to batch."""
    if any(named(arg) & _RETRY for arg in call.args):
        return "retry"
    step = call.args[2] if len(call.args) == 3 else None
    if isinstance(step, n.UnaryOp):
        step = step.operand
    return "data" if step is None or (isinstance(step, n.Constant) and step.value == 1) else "batch"


def _generator(callee: Function, world: World, hops: int) -> str:
    """What a generator of the project gives: it is endless if it yields in a loop that never ends by itself, and one
    that yields in no loop gives what is written there.
    """
    if _yields_by_hand(callee):
        return "literal"
    for stmt in statements(callee.node.body):
        if isinstance(stmt, n.While) and isinstance(stmt.test, n.Constant) and bool(stmt.test.value):
            return "endless"
        if isinstance(stmt, n.For) and any(isinstance(e, n.Yield) for e in own_nodes(stmt.body)):
            if (found := _source(stmt.iter, callee, world, hops - 1)) == "endless":
                return found
        if isinstance(stmt, n.ExprStmt) and isinstance(stmt.value, n.Yield) and stmt.value.is_from and stmt.value.value:
            if (found := _source(stmt.value.value, callee, world, hops - 1)) == "endless":
                return found
    return "data"


def _yields_by_hand(generator: Function) -> bool:
    """Whether a generator gives one item, or a few, each by a statement of its own: a dependency that is iterated."""
    loops = [s for s in statements(generator.node.body) if isinstance(s, (n.For, n.While))]
    return not any(isinstance(e, n.Yield) for loop in loops for e in own_nodes((loop.body, loop.orelse))) and not any(
        e.is_from for e in generator.own if isinstance(e, n.Yield)
    )


def _is_generator(expr: n.Expr, function: Function, world: World) -> bool:
    callee = called(world, function, expr) if isinstance(expr, n.Call) else None
    return callee is not None and callee.is_generator


def called(world: World, function: Function, call: n.Call) -> Function | None:
    value = _value(world, function, call.func)
    return value.function if isinstance(value, FunctionValue) else None


def _value(world: World, function: Function, expr: n.Expr) -> Value:
    from sqla_lint.flow.evaluation.evaluate import expr as evaluate

    return evaluate(world.static_context(function.path, function), Cursor(State({}, {}), None), expr)


def _assigned(name: str, function: Function) -> list[n.Expr]:
    """What a function assigns to one of its names."""
    found: list[n.Expr] = []
    for stmt in statements(function.node.body):
        if isinstance(stmt, (n.Assign, n.AnnAssign)) and stmt.value is not None and name in bound_names(stmt):
            found.append(stmt.value)
        elif isinstance(stmt, n.With):
            found += [i.context for i in stmt.items if isinstance(i.target, n.Name) and i.target.id == name]
    return found


def named(expr: n.Expr) -> frozenset[str]:
    """The words in the names that *expr* is made of, arguments of calls aside."""
    words: set[str] = set()
    while isinstance(expr, (n.Attribute, n.Call, n.Subscript, n.Await)):
        if isinstance(expr, n.Attribute):
            words |= words_of(expr.attr)
        expr = expr.func if isinstance(expr, n.Call) else expr.value
    return frozenset(words | (words_of(expr.id) if isinstance(expr, n.Name) else set()))


def _words(target: n.Expr) -> frozenset[str]:
    return frozenset(word for e in own_nodes(target) if isinstance(e, n.Name) for word in words_of(e.id))


def words_of(name: str) -> frozenset[str]:
    """The lower-case words that an identifier is made of, a plural's *s* aside."""
    return frozenset(word.lower().rstrip("s") for word in _WORD.findall(name))
