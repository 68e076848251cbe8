"""Texts that are put together where they are written: ``schema + ".owners.id"``, ``f"{Owner.__tablename__}.id"``."""

from __future__ import annotations

import re

from sqla_lint.index.annotations import string
from sqla_lint.index.module import Class
from sqla_lint.index.names import Names
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n

# Stands for a part that is not known.
UNKNOWN = "\0"
_FORMATTED = re.compile(r"""[fF][rR]?(["'])([^"'\\{}]*(?:\{[^{}"']*\}[^"'\\{}]*)*)\1""")
_BRACES = re.compile(r"\{[^{}]*\}")


def text(names: Names, path: str, expr: n.Expr | None) -> str:
    """What *expr* is as text in the file at *path*, with :data:`UNKNOWN` for each part that is not known."""
    if isinstance(expr, n.Constant):
        return string(expr) or UNKNOWN
    if isinstance(expr, n.BinOp) and expr.op == "+":
        return text(names, path, expr.left) + text(names, path, expr.right)
    if isinstance(expr, n.Format):
        return _formatted(names, path, expr)
    if isinstance(expr, n.Attribute) and expr.attr == "__tablename__":
        owner = names.definition(path, expr.value)
        stmts = owner.assigned.get("__tablename__") if isinstance(owner, Class) else None
        return string(getattr(stmts[-1], "value", None)) or UNKNOWN if stmts else UNKNOWN
    what = names.definition(path, expr) if isinstance(expr, (n.Name, n.Attribute)) else None
    if isinstance(what, Variable) and len(what.assigned) == 1:
        return string(getattr(what.assigned[0], "value", None)) or UNKNOWN
    return UNKNOWN


def _formatted(names: Names, path: str, expr: n.Format) -> str:
    """An f-string on one line, with nothing but expressions in its braces."""
    start, column, end, last = expr.pos
    written = _FORMATTED.fullmatch(names.project.modules[path].source[start - 1][column:last]) if start == end else None
    parts = [text(names, path, value) for value in expr.values]
    if written is None or len(_BRACES.findall(written[2])) != len(parts):
        return UNKNOWN
    return _BRACES.sub(lambda _: parts.pop(0), written[2])
