"""The object that a base's method is called on: a class that extends the base may have methods of its own for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.values import Instance
from sqla_lint.index.module import Class, Function
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# Of bases that more classes extend, a method is solved once: for the base.
_MAX_SUBCLASSES = 60
_ASKS = api.EXECUTES | api.GENERATIVE | api.EAGER_OPTIONS | {"query", "select", "get", "options"}


def note(ctx: Context, owner: Instance, name: str) -> None:
    """A method asks its own object for a method that a subclass has another one of, which asks for other rows."""
    function = ctx.function
    if ctx.static or owner.path != ("self",) or function is None or function.cls is not owner.cls:
        return
    if function.node.params and any(_has_another(ctx.world, sub, name) for sub in below(ctx.world, owner.cls)):
        ctx.wants[function.node.params[0].name, ()] = None


def _has_another(world: World, sub: Class, name: str) -> bool:
    """Whether a class has a method of its own that matters, or names another model or schema."""
    if name in sub.methods:
        return _matters(world, sub.methods[name])
    value = getattr(sub.assigned[name][-1], "value", None) if name in sub.assigned else None
    what = world.names.definition(sub.path, value) if isinstance(value, (n.Name, n.Attribute)) else None
    return isinstance(what, Class) and (world.mappings.is_mapped(what) or world.serializers.kind(what) is not None)


def is_of_subclass(function: Function, value: Instance) -> bool:
    """Whether a method is called on an object of a class that extends the method's."""
    return function.cls is not None and value.cls is not function.cls


def is_own(ctx: Context, value: Value | None) -> bool:
    """Whether a method of the object that *ctx*'s function is a method of is called."""
    function = ctx.function
    if not isinstance(value, Instance) or value.path != ("self",) or function is None:
        return False
    return function.cls is value.cls and bool(function.node.params)


def below(world: World, cls: Class) -> tuple[Class, ...]:
    """The classes that extend *cls*; none if these are too many."""
    found = world.names.below(cls)
    return found if len(found) <= _MAX_SUBCLASSES else ()


def _matters(world: World, method: Function) -> bool:
    """Whether a method asks for rows, or reads what may be loaded lazily."""
    return bool(method.words & (_ASKS | world.reading_names))
