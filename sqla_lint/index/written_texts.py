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


def text(names: Names, path: str, expr: n.Expr | None, cls: Class | None = None) -> str:
    """What *expr* is as text in the file at *path*, with :data:`UNKNOWN` for each part that is not known; *cls* is the
    class that a mixin's ``cls`` stands for.
    """
    if isinstance(expr, n.Constant):
        return string(expr) or UNKNOWN
    if isinstance(expr, n.BinOp) and expr.op == "+":
        return text(names, path, expr.left, cls) + text(names, path, expr.right, cls)
    if isinstance(expr, n.BinOp) and expr.op == "%":
        right = expr.right.items if isinstance(expr.right, n.Sequence) else (expr.right,)
        return _filled(string(expr.left), "%s", [text(names, path, one, cls) for one in right])
    if isinstance(expr, n.Call) and isinstance(expr.func, n.Attribute):
        if expr.func.attr == "format":
            return _filled(string(expr.func.value), "{}", [text(names, path, one, cls) for one in expr.args])
        return text(names, path, expr.func.value, cls).lower() if expr.func.attr == "lower" else UNKNOWN
    if isinstance(expr, n.Format):
        return _formatted(names, path, expr, cls)
    if isinstance(expr, n.Attribute) and expr.attr in ("__tablename__", "__name__"):
        own = cls if isinstance(expr.value, n.Name) and expr.value.id == "cls" else None
        owner = own or names.definition(path, expr.value)
        if not isinstance(owner, Class) or expr.attr == "__name__":
            return owner.name if isinstance(owner, Class) else UNKNOWN
        stmts = owner.assigned.get("__tablename__")
        return string(getattr(stmts[-1], "value", None)) or UNKNOWN if stmts else UNKNOWN
    what = names.definition(path, expr) if isinstance(expr, (n.Name, n.Attribute)) else None
    if isinstance(what, Variable) and len(what.assigned) == 1:
        return string(getattr(what.assigned[0], "value", None)) or UNKNOWN
    return UNKNOWN


def _filled(pattern: str | None, hole: str, parts: list[str]) -> str:
    """``"%s_id" % name``, ``"{}_id".format(name)``."""
    if pattern is None or pattern.count(hole) != len(parts) or "%%" in pattern:
        return UNKNOWN
    first, *others = pattern.split(hole)
    return first + "".join(part + rest for part, rest in zip(parts, others))


def _formatted(names: Names, path: str, expr: n.Format, cls: Class | None) -> str:
    """An f-string on one line, with nothing but expressions in its braces."""
    start, column, end, last = expr.pos
    written = _FORMATTED.fullmatch(names.project.modules[path].source[start - 1][column:last]) if start == end else None
    parts = [text(names, path, value, cls) for value in expr.values]
    if written is None or len(_BRACES.findall(written[2])) != len(parts):
        return UNKNOWN
    return _BRACES.sub(lambda _: parts.pop(0), written[2])
