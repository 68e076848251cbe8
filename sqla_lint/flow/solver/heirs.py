"""Methods that classes inherit: solved again for each class that has them from a base which leaves something open.

``class PetList(ListView): model = Pet``: the method of ``ListView`` is one of ``PetList``, as if it were written there.
Who calls it is of no concern: a framework does, where nobody in the project does.
"""

from __future__ import annotations

from sqla_lint.flow.evaluation.parameters import is_receiver
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver import receivers, variants
from sqla_lint.flow.terms.values import Instance
from sqla_lint.index.module import Class, Function


def heirs(world: World, function: Function) -> tuple[Function, ...]:
    """The variants of a method for the classes that inherit it, if it would have to know which class its object is of;
    a class that others extend is left to these.
    """
    cls = function.cls
    if cls is None or not world.names.subclasses.get(cls) or world.mappings.is_mapped(cls):
        return ()
    me = function.node.params[0] if function.node.params else None
    if me is None or not is_receiver(function, me) or not isinstance(world.self_value(function), Instance):
        return ()
    if not any(name == me.name for name, _ in world.summary(function).wants):
        return ()
    return tuple(
        variants.variant_of(world, function, (variants.Given(me.name, (), Instance(heir, ("self",))),), 0)
        for heir in receivers.below(world, cls)
        if _inherits(world, heir, function)
    )


def _inherits(world: World, heir: Class, function: Function) -> bool:
    if world.names.subclasses.get(heir) or world.method(heir, function.node.name) is not function:
        return False
    return world.project.is_test(function.path) or not world.project.is_test(heir.path)
