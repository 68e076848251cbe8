"""Names of columns that some query leaves out: ``defer(Book.text)``."""

from __future__ import annotations

from sqla_lint.index.annotations import last_name
from sqla_lint.index.module import walk
from sqla_lint.index.project import Project
from sqla_lint.lower import nodes as n


def left_out(project: Project) -> frozenset[str]:
    """The columns that ``defer`` names anywhere, wherever the rows are read."""
    return frozenset(
        arg.attr
        for module in project.modules.values()
        if "defer" in module.words
        for node in walk(module.node)
        if isinstance(node, n.Call) and last_name(node.func) == "defer"
        for arg in node.args
        if isinstance(arg, n.Attribute)
    )
