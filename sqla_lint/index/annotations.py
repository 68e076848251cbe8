"""Reading annotations, and the arguments of declarations, without evaluating them."""

from __future__ import annotations

import ast

from sqla_lint.lower import nodes as n
from sqla_lint.lower.from_ast import lower_module

COLLECTIONS = frozenset(
    {"list", "List", "set", "Set", "Sequence", "Collection", "Iterable", "tuple", "Tuple", "frozenset", "FrozenSet",
     "MutableSequence", "AbstractSet", "dict", "Dict", "Iterator", "Generator", "deque"}
)  # fmt: skip


def unquote(annotation: n.Expr) -> n.Expr:
    """An annotation written as a string, parsed; anything else as it is."""
    if not (isinstance(annotation, n.Constant) and isinstance(annotation.value, str)):
        return annotation
    try:
        body = lower_module(ast.parse(annotation.value.strip(), mode="exec")).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return annotation
    return body[0].value if len(body) == 1 and isinstance(body[0], n.ExprStmt) else annotation


def unwrap(annotation: n.Expr) -> tuple[n.Expr | None, bool]:
    """The class that an annotation leads to, and whether through a collection.

    ``Optional[list["Pet"]]`` is (Pet, True).
    """
    annotation = unquote(annotation)
    if isinstance(annotation, n.BinOp) and annotation.op == "|":
        sides = [annotation.left, annotation.right]
        kept = [s for s in sides if not (isinstance(s, n.Constant) and s.value is None)]
        return unwrap(kept[0]) if len(kept) == 1 else (None, False)
    if isinstance(annotation, n.Subscript):
        name = last_name(annotation.value)
        index = annotation.key
        if name == "Optional" or name == "Annotated" or name == "Union":
            items = index.items if isinstance(index, n.Sequence) else (index,)
            kept = [i for i in items if not (isinstance(i, n.Constant) and i.value is None)]
            return unwrap(kept[0]) if kept and (name == "Annotated" or len(kept) == 1) else (None, False)
        if name in COLLECTIONS:
            inner = index.items[-1] if isinstance(index, n.Sequence) and name in ("dict", "Dict") else index
            if isinstance(inner, n.Sequence):
                inner = inner.items[0]
            return unwrap(inner)[0], True
        return None, False
    return annotation, False


def last_name(expr: object) -> str | None:
    if isinstance(expr, n.Call):
        return last_name(expr.func)
    if isinstance(expr, n.Attribute):
        return expr.attr
    return expr.id if isinstance(expr, n.Name) else None


def keyword(call: n.Call, name: str) -> n.Expr | None:
    return next((k.value for k in call.keywords if k.name == name), None)


def string(expr: n.Expr | None) -> str | None:
    return expr.value if isinstance(expr, n.Constant) and isinstance(expr.value, str) else None


def declared_attr(node: n.FunctionDef) -> n.Call | None:
    """The call that a ``@declared_attr`` method of a mixin returns."""
    if not any("declared_attr" in (last_name(d), last_name(getattr(d, "value", None))) for d in node.decorators):
        return None
    last = node.body[-1]
    return last.value if isinstance(last, n.Return) and isinstance(last.value, n.Call) else None
