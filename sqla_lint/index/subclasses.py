"""What the subclasses of a polymorphic class have that the class itself has not."""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from sqla_lint.index.module import Class

if TYPE_CHECKING:
    from sqla_lint.index.mapped import Mappings


class Subclasses:
    """The relationships that mapped classes below a polymorphic one declare."""

    def __init__(self, mappings: Mappings) -> None:
        self.mappings = mappings

    def having(self, cls: Class, name: str) -> Class | None:
        """The one subclass of *cls* that has the relationship *name*: a row of which it is read must be one of
        these.
        """
        lineage = self.mappings.lineage
        if name not in self._names or any(name in {*base.methods, *base.assigned} for base in lineage(cls)):
            return None
        found = [one for one in self._names[name] if one is not cls and cls in lineage(one)]
        return found[0] if len(found) == 1 else None

    @cached_property
    def _names(self) -> dict[str, list[Class]]:
        found: dict[str, list[Class]] = {}
        every = chain.from_iterable(self.mappings.classes.classes_by_name.values())
        for cls in filter(self.mappings.is_mapped, every):
            bases = self.mappings.lineage(cls)[1:]
            if any("__mapper_args__" in {*base.assigned, *base.methods} for base in bases):
                for name in self.mappings.declared(cls):
                    found.setdefault(name, []).append(cls)
        return found
