"""Methods that classes are given outside their bodies: ``db.Model.find = classmethod(find)``, ``Base.show = show``."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from sqla_lint.index.mapped_classes import MappedClasses
from sqla_lint.index.module import Class, Function
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n


class Added(NamedTuple):
    """A function of a module that became a method: *kind* is ``classmethod``, ``staticmethod`` or nothing."""

    function: Function
    kind: str


class AddedMethods:
    """The project's methods that statements at module level give to mapped classes and declarative bases."""

    def __init__(self, classes: MappedClasses) -> None:
        self.classes = classes
        self.names = classes.names

    def method(self, cls: Class, name: str) -> Added | None:
        """What *name* of a mapped class is, if a statement gave it to the class, a base or its declarative one."""
        if not self._by_owner:
            return None
        owners: list[object] = [owner.key for owner in self.names.lineage(cls)]
        found = (self._by_owner.get(owner, {}).get(name) for owner in (*owners, self.classes.base_of(cls)))
        return next((one for one in found if one is not None), None)

    @cached_property
    def of_classes(self) -> frozenset[str]:
        """Names of added class methods: the class that a function is handed decides what calling one does."""
        every = (item for methods in self._by_owner.values() for item in methods.items())
        return frozenset(name for name, added in every if added.kind == "classmethod")

    @cached_property
    def _by_owner(self) -> dict[object, dict[str, Added]]:
        found: dict[object, dict[str, Added]] = {}
        for path in sorted(self.names.project.modules):
            for stmt in self.names.project.modules[path].node.body:
                target = stmt.targets[0] if isinstance(stmt, n.Assign) else None
                if isinstance(stmt, n.Assign) and isinstance(target, n.Attribute):
                    made = self._made(path, stmt.value)
                    owner = self._owner(path, target.value) if made is not None else None
                    if made is not None and owner is not None:
                        found.setdefault(owner, {})[target.attr] = made
        return found

    def _made(self, path: str, value: n.Expr) -> Added | None:
        kind = ""
        if (
            isinstance(value, n.Call)
            and len(value.args) == 1
            and n.called_name(value) in ("classmethod", "staticmethod")
        ):
            kind, value = n.called_name(value), value.args[0]
        what = self.names.definition(path, value)
        return Added(what, kind) if isinstance(what, Function) else None

    def _owner(self, path: str, expr: n.Expr) -> object:
        """What tells the class apart that *expr* names: as :meth:`MappedClasses.base_of` tells bases."""
        path, expr = self.names.renamed(path, expr)
        if isinstance(expr, n.Attribute) and expr.attr == "Model" and self.names.is_flask_db(path, expr.value):
            expr = expr.value
        what = self.names.definition(path, expr)
        if isinstance(what, Class):
            return what.key
        return (what.path, what.name) if isinstance(what, Variable) else None
