"""The object that a base's method is called on: a class that extends the base may have methods of its own for it."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.values import Instance
from sqla_lint.index.module import Class, Function

# Of bases that more classes extend, a method is solved once: for the base.
_MAX_SUBCLASSES = 30
_ASKS = api.EXECUTES | api.GENERATIVE | api.EAGER_OPTIONS | {"query", "select", "get", "options"}


def note(ctx: Context, owner: Instance, name: str) -> None:
    """A method asks its own object for a method that a subclass has another one of, which asks for other rows."""
    function = ctx.function
    if ctx.static or owner.path != ("self",) or function is None or function.cls is not owner.cls:
        return
    if function.node.params and any(_asks(sub.methods[name]) for sub in _below(ctx, owner.cls) if name in sub.methods):
        ctx.wants[function.node.params[0].name, ()] = None


def is_of_subclass(function: Function, value: Instance) -> bool:
    """Whether a method is called on an object of a class that extends the method's."""
    return function.cls is not None and value.cls is not function.cls


def is_own(ctx: Context, value: Value | None) -> bool:
    """Whether a method of the object that *ctx*'s function is a method of is called."""
    function = ctx.function
    if not isinstance(value, Instance) or value.path != ("self",) or function is None:
        return False
    return function.cls is value.cls and bool(function.node.params)


def _below(ctx: Context, cls: Class) -> list[Class]:
    """The classes that extend *cls*; none if these are too many."""
    found: list[Class] = []
    pending = [cls]
    while pending and len(found) <= _MAX_SUBCLASSES:
        below = ctx.world.names.subclasses.get(pending.pop(), ())
        found += below
        pending += below
    return found if len(found) <= _MAX_SUBCLASSES else []


def _asks(method: Function) -> bool:
    return bool(method.words & _ASKS)
