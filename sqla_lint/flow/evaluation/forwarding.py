"""What stands for another object: a class's or module's ``__getattr__`` gives that one's attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import UNKNOWN, Instance
from sqla_lint.index.module import Function, statements
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World


def behind(world: World, owner: Instance) -> Value:
    """The object that an instance stands for; UNKNOWN if it stands for none, or not always for the same."""
    method = world.method(owner.cls, "__getattr__")
    meant = _forwarded(method) if method is not None and len(method.node.params) == 2 else None
    if method is None or meant is None:
        return UNKNOWN
    if (
        isinstance(meant, n.Attribute)
        and isinstance(meant.value, n.Name)
        and meant.value.id == method.node.params[0].name
    ):
        held = dict(owner.held)
        return held[meant.attr] if meant.attr in held else world.attribute(owner, meant.attr)
    return _value(world, method, meant)


def behind_module(world: World, path: str) -> Value:
    """The object that a module stands for by a ``__getattr__`` of its own."""
    function = next((f for f in world.project.modules[path].functions if f.qualname == "__getattr__"), None)
    meant = _forwarded(function) if function is not None else None
    return _value(world, function, meant) if function is not None and meant is not None else UNKNOWN


def _forwarded(function: Function) -> n.Expr | None:
    """``database`` of ``return getattr(database, name)``, if that is all that a ``__getattr__`` returns."""
    values = [s.value for s in statements(function.node.body) if isinstance(s, n.Return)]
    call = values[0] if len(values) == 1 else None
    if not (isinstance(call, n.Call) and isinstance(call.func, n.Name) and call.func.id == "getattr" and call.args[1:]):
        return None
    asked = call.args[1]
    is_same = isinstance(asked, n.Name) and function.node.params and asked.id == function.node.params[-1].name
    return call.args[0] if is_same else None


def _value(world: World, function: Function, meant: n.Expr) -> Value:
    from sqla_lint.flow.evaluation.evaluate import expr

    return expr(world.static_context(function.path, function), Cursor(State({}, {}), None), meant)
