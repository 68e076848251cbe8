"""What a mixin calls on itself and does not define: the classes that it is part of have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqla_lint.index.module import Class, Function

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# Bases that define nothing a mixin could mean.
_EMPTY = frozenset({"abc.ABC", "typing.Generic", "typing.Protocol", "builtins.object"})
# Mixins of mixins are followed this far.
_MAX_LEVELS = 3


class Mixins:
    """Answers are cached, and pure functions of the project."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._methods: dict[tuple[Class, str], Function | None] = {}

    def method(self, cls: Class, name: str) -> Function | None:
        """The method *name* that the nearest classes made with *cls* agree on; None where *cls* may have another."""
        key = (cls, name)
        if key not in self._methods:
            outside = set(self.world.names.external_bases(cls)) - _EMPTY
            self._methods[key] = None if outside else self._nearest(cls, name)
        return self._methods[key]

    def _nearest(self, cls: Class, name: str) -> Function | None:
        level = [cls]
        for _ in range(_MAX_LEVELS):
            level = [sub for one in level for sub in self.world.names.subclasses.get(one, ())]
            found = {method for sub in level if (method := self.world.method(sub, name)) is not None}
            if found:
                return found.pop() if len(found) == 1 else None
        return None
