"""Attributes of mapped classes whose read may load something, found by words in the whole project."""

from __future__ import annotations

from collections.abc import Set

from sqla_lint.flow.words.leads import COMMON
from sqla_lint.index.mapped import Mappings
from sqla_lint.index.project import Project
from sqla_lint.lower import nodes as n

# Properties that rest on properties are followed this far.
_MAX_HOPS = 2


def reading_names(project: Project, mappings: Mappings, left_out: Set[str]) -> frozenset[str]:
    """Relationships, columns that a query leaves out, methods that mention one, and properties that mention such a
    method.
    """
    classes = (cls for module in project.modules.values() for cls in module.classes)
    rows = [cls for cls in classes if mappings.is_mapped(cls) or cls in mappings.classes.mixins]
    methods = [method for cls in rows for method in cls.methods.values()]
    names = mappings.relationship_names | left_out
    names |= {method.node.name for method in methods if method.words & names}
    properties = [method for method in methods if any(map(_is_property, method.node.decorators))]
    for _ in range(_MAX_HOPS):
        names |= {method.node.name for method in properties if method.words & (names - COMMON)}
    return names


def _is_property(decorator: n.Expr) -> bool:
    return "property" in n.called_name(decorator)
