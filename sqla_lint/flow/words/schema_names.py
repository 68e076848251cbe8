"""Names that lead to a schema which may read a relationship, found by words in the whole project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

from sqla_lint.index.module import Class, ModuleIndex
from sqla_lint.index.project import Project
from sqla_lint.index.serializers import Serializers
from sqla_lint.lower import nodes as n

_WORD = re.compile(r"[^\W\d]\w*")
# A schema with this word is made of its model's relationships, whatever they are called.
_AUTOMATIC = frozenset({"include_relationships"})


def schema_names(project: Project, serializers: Serializers, reading: Set[str]) -> frozenset[str]:
    """Names of schemas that mention one of *reading*, or one another, and of what such a schema is kept in."""
    words = {cls: _words(project.modules[cls.path], cls.node.pos) for cls in serializers.all}
    names = {cls.name for cls, mentioned in words.items() if mentioned & (reading | _AUTOMATIC)}
    while names:
        grown = {cls.name for cls, mentioned in words.items() if mentioned & names}
        for module in project.modules.values():
            if module.words & names:
                grown |= set(_kept(module, names))
        if grown <= names:
            break
        names |= grown
    return frozenset(names)


def _words(module: ModuleIndex, pos: n.Pos) -> frozenset[str]:
    return frozenset(_WORD.findall("\n".join(module.source[pos[0] - 1 : pos[2]])))


def _kept(module: ModuleIndex, names: Set[str]) -> Iterable[str]:
    """The variables of a module, and the attributes of its classes, that are assigned from one of *names*."""
    for name, bound in module.bindings.items():
        value = getattr(bound[-1], "value", None)
        if isinstance(value, (n.Call, n.Subscript)) and _words(module, value.pos) & names:
            yield name
    for cls in module.classes:
        yield from _attributes(module, cls, names)


def _attributes(module: ModuleIndex, cls: Class, names: Set[str]) -> Iterable[str]:
    """``schema = PetSchema()`` in a class that is no schema itself, and ``self.schema = PetSchema()``."""
    if cls.name in names or not _words(module, cls.node.pos) & names:
        return
    for name, stmts in cls.assigned.items():
        value = getattr(stmts[-1], "value", None)
        if isinstance(value, (n.Call, n.Name)) and _words(module, value.pos) & names:
            yield name
    for method in cls.methods.values():
        for stmt in method.node.body if method.words & names else ():
            if isinstance(stmt, n.Assign) and isinstance(stmt.targets[0], n.Attribute):
                if _words(module, stmt.value.pos) & names:
                    yield stmt.targets[0].attr


__all__ = ["schema_names"]
