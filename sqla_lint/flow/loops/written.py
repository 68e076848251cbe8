"""Collections that are as long as somebody has written them: displays, constants, enumerations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.loops import rounds
from sqla_lint.index.module import Class, Function, bound_names, own_nodes, statements, walk
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_SAME_LENGTH = frozenset(
    {"enumerate", "zip", "sorted", "reversed", "list", "tuple", "set", "frozenset", "product", "dict", "iter", "chain"}
)
_CHANGES = frozenset({"append", "extend", "add", "insert", "update", "remove", "pop", "setdefault", "discard", "clear"})


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
    if isinstance(expr, n.Comprehension):
        return all(is_written(g.iter, function, world, hops - 1) for g in expr.generators)
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
    if last(call.func) == "__subclasses__":
        return True
    if call.args:
        same = last(call.func) in _SAME_LENGTH | {"range", "fromkeys"}
        return same and all(is_written(arg, function, world, hops) for arg in call.args)
    callee = rounds.called(world, function, call) if not call.keywords else None
    given = [s.value for s in statements(callee.node.body) if isinstance(s, n.Return)] if callee is not None else []
    return (
        callee is not None and bool(given) and all(v is not None and is_written(v, callee, world, hops) for v in given)
    )


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
    if not isinstance(what, Variable):
        return False
    return _is_written_once(what.assigned, function, world, hops) or _is_filled_by_hand(what, world)


def _is_written_once(stmts: Any, function: Function, world: World, hops: int) -> bool:
    value = getattr(stmts[0], "value", None) if len(stmts) == 1 else None
    return value is not None and is_written(value, function, world, hops)


def _is_filled_by_hand(what: Variable, world: World) -> bool:
    """A constant that begins empty and is filled by statements of its module alone, outside loops: a registry."""
    module = world.project.modules[what.path]
    if not what.name.isupper() or len(what.assigned) != 1 or not _is_empty(getattr(what.assigned[0], "value", None)):
        return False
    within = (node for f in module.functions if what.name in f.words for node in walk(f.node.body))
    if any(_changed(node, what.name) for node in within):
        return False
    written = list(statements(module.node.body))
    loops = [stmt.pos for stmt in written if isinstance(stmt, (n.For, n.While))]
    fills = [stmt for stmt in written if any(_changed(node, what.name) for node in own_nodes(_head(stmt)))]
    return bool(fills) and not any(
        _adds_many(stmt) or any(loop[:2] <= stmt.pos[:2] <= loop[2:] for loop in loops) for stmt in fills
    )


def _head(stmt: n.Stmt) -> object:
    """A plain statement; of others, nothing: those in their blocks stand for themselves."""
    return stmt if isinstance(stmt, (n.Assign, n.AnnAssign, n.ExprStmt)) else ()


def _adds_many(stmt: n.Stmt) -> bool:
    """``names.update(load())``: what is added is not written down."""
    call = stmt.value if isinstance(stmt, n.ExprStmt) else None
    if not isinstance(call, n.Call) or last(call.func) not in ("extend", "update"):
        return False
    return not all(isinstance(arg, (n.Dict, n.Sequence)) for arg in call.args)


def _is_written_local(name: str, function: Function, world: World, hops: int) -> bool:
    """A variable bound once, to written values, and added to at most by statements that run once each."""
    if any(param.name == name for param in function.node.params):
        return False
    bound = [s for s in statements(function.node.body) if name in bound_names(s)]
    if len(bound) != 1 or not isinstance(bound[0], (n.Assign, n.AnnAssign)):
        return False
    changes = [changed for node in walk(function.node.body) for changed in _changed(node, name)]
    if not changes:
        return _is_written_once(bound, function, world, hops)
    once = {call.func.pos for call in _added_by_hand(function)}
    filled = _is_empty(bound[0].value) or _is_written_once(bound, function, world, hops)
    return filled and all(pos in once for pos in changes) and not _is_handed_on(name, function)


def _changed(node: object, name: str) -> list[Pos]:
    """Where *node* changes what has this name: ``name.append``, ``name[key] = value``."""
    if isinstance(node, n.Assign):
        targets = [target for target in node.targets if isinstance(target, n.Subscript)]
        return [target.pos for target in targets if last(target.value) == name]
    if isinstance(node, n.Attribute) and node.attr in _CHANGES and last(node.value) == name:
        return [node.pos]
    return []


def _added_by_hand(function: Function) -> Iterator[n.Call]:
    """The statements that add one thing to a list or a set, outside loops."""
    for stmt in statements(function.node.body):
        call = stmt.value if isinstance(stmt, n.ExprStmt) else None
        if isinstance(call, n.Call) and isinstance(call.func, n.Attribute) and call.func.attr in ("append", "add"):
            if not any(loop[:2] <= stmt.pos[:2] <= loop[2:] for loop in function.loops):
                yield call


def _is_empty(value: n.Expr | None) -> bool:
    """``[]``, ``{}``, ``set()``: nothing until something is added."""
    if isinstance(value, n.Call):
        return last(value.func) in ("list", "set", "dict", "OrderedDict") and not (value.args or value.keywords)
    return isinstance(value, n.Sequence) and not value.items or isinstance(value, n.Dict) and not value.values


def _is_handed_on(name: str, function: Function) -> bool:
    """Whether a function is handed the collection, and may fill it."""
    return any(
        isinstance(arg, n.Name) and arg.id == name
        for called, calls in function.calls.items()
        if called not in _SAME_LENGTH | {"len", "print"}
        for call in calls
        for arg in (*call.args, *(keyword.value for keyword in call.keywords))
    )


def last(node: object) -> str:
    """The last part of a name, or of that of what is called."""
    if isinstance(node, (n.Call, n.Await)):
        return last(node.func if isinstance(node, n.Call) else node.value)
    return node.attr if isinstance(node, n.Attribute) else node.id if isinstance(node, n.Name) else ""
