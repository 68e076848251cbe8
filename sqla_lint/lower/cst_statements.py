"""Simple statements of a libcst tree in the neutral representation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_displays import elements
from sqla_lint.lower.cst_lowering import Lowering
from sqla_lint.lower.cst_operators import operator_text

# Lowers a statement whose first token stands at the given offset.
StatementLowerer: TypeAlias = Callable[[Lowering, Any, int], n.Stmt]


def _expression(low: Lowering, node: cst.Expr, start: int) -> n.Stmt:
    value = low.expr(node.value)
    return n.ExprStmt(low.span(start), value)


def _assign(low: Lowering, node: cst.Assign, start: int) -> n.Stmt:
    targets: list[n.Expr] = []
    for part in node.targets:
        targets.append(low.expr(part.target))
        low.token("=")
    value = low.expr(node.value)
    return n.Assign(low.span(start), tuple(targets), value)


def _annotated(low: Lowering, node: cst.AnnAssign, start: int) -> n.Stmt:
    target = low.expr(node.target)
    annotation = low.after(":", node.annotation.annotation)
    value = None if node.value is None else low.after("=", node.value)
    return n.AnnAssign(low.span(start), target, annotation, value)


def _augmented(low: Lowering, node: cst.AugAssign, start: int) -> n.Stmt:
    operator = operator_text(node.operator)
    target = low.expr(node.target)
    value = low.after(operator + "=", node.value)
    return n.AugAssign(low.span(start), target, operator, value)


def _return(low: Lowering, node: cst.Return, start: int) -> n.Stmt:
    low.token("return")
    value = low.maybe(node.value)
    return n.Return(low.span(start), value)


def _raise(low: Lowering, node: cst.Raise, start: int) -> n.Stmt:
    low.token("raise")
    error = low.maybe(node.exc)
    cause = None if node.cause is None else low.after("from", node.cause.item)
    return n.Raise(low.span(start), error, cause)


def _assert(low: Lowering, node: cst.Assert, start: int) -> n.Stmt:
    test = low.after("assert", node.test)
    message = None if node.msg is None else low.after(",", node.msg)
    return n.Assert(low.span(start), test, message)


def _delete(low: Lowering, node: cst.Del, start: int) -> n.Stmt:
    low.token("del")
    target = node.target
    if isinstance(target, cst.Tuple) and not target.lpar:
        targets = elements(low, target.elements)
    else:
        targets = (low.expr(target),)
    return n.Delete(low.span(start), targets)


def _dotted(low: Lowering, node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Attribute):
        base = _dotted(low, node.value)
        low.token(".")
        return f"{base}.{low.name(node.attr)}"
    assert isinstance(node, cst.Name)
    return low.name(node)


def _aliases(low: Lowering, nodes: Iterable[cst.ImportAlias]) -> tuple[tuple[str, str | None], ...]:
    found: list[tuple[str, str | None]] = []
    for node in nodes:
        name, alias = _dotted(low, node.name), None
        if node.asname is not None:
            low.token("as")
            assert isinstance(node.asname.name, cst.Name)
            alias = low.name(node.asname.name)
        low.comma(node.comma)
        found.append((name, alias))
    return tuple(found)


def _import(low: Lowering, node: Any, start: int) -> n.Stmt:
    low.token("import")
    names = _aliases(low, node.names)
    return n.Import(low.span(start), names)


def _import_from(low: Lowering, node: Any, start: int) -> n.Stmt:
    low.token("from")
    for _ in node.relative:
        low.token(".")
    module = None if node.module is None else _dotted(low, node.module)
    low.token("import")
    names: tuple[tuple[str, str | None], ...]
    if isinstance(node.names, cst.ImportStar):
        low.token("*")
        names = (("*", None),)
    else:
        low.open([node.lpar] if node.lpar else [])
        names = _aliases(low, node.names)
        low.close([node.rpar] if node.rpar else [])
    return n.ImportFrom(low.span(start), module, names, len(node.relative))


def _lazy(lower: StatementLowerer) -> StatementLowerer:
    def lower_lazy(low: Lowering, node: Any, start: int) -> n.Stmt:
        low.token("lazy")
        return lower(low, node, start)

    return lower_lazy


def _scope(kind: str) -> StatementLowerer:
    def lower(low: Lowering, node: Any, start: int) -> n.Stmt:
        low.token(kind)
        names: list[str] = []
        for item in node.names:
            names.append(low.name(item.name))
            low.comma(item.comma)
        return n.Scope(low.span(start), kind, tuple(names))

    return lower


def _jump(kind: str) -> StatementLowerer:
    def lower(low: Lowering, node: Any, start: int) -> n.Stmt:
        low.token(kind)
        return n.Jump(low.span(start), kind)

    return lower


def type_parameters(low: Lowering, node: Any) -> None:
    """Move past ``[T: bound = default, *Ts, **P]``, which the representation leaves out."""
    if node is None:
        return
    low.token("[")
    for part in node.params:
        stars = {"TypeVarTuple": "*", "ParamSpec": "**"}.get(type(part.param).__name__, "")
        low.token(stars)
        low.name(part.param.name)
        bound = getattr(part.param, "bound", None)
        if bound is not None:
            low.token(":")
            low.skipped(bound)
        if part.default is not None:
            low.token("=")
            low.token(part.star)
            low.skipped(part.default)
        low.comma(part.comma)
    low.token("]")


def _type_alias(low: Lowering, node: Any, start: int) -> n.Stmt:
    name = low.after("type", node.name)
    type_parameters(low, node.type_parameters)
    value = low.after("=", node.value)
    return n.Assign(low.span(start), (name,), value)


SIMPLE_STATEMENTS: dict[type, StatementLowerer] = {
    cst.Expr: _expression,
    cst.Assign: _assign,
    cst.AnnAssign: _annotated,
    cst.AugAssign: _augmented,
    cst.Return: _return,
    cst.Raise: _raise,
    cst.Assert: _assert,
    cst.Del: _delete,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
    cst.Global: _scope("global"),
    cst.Nonlocal: _scope("nonlocal"),
    cst.Pass: _jump("pass"),
    cst.Break: _jump("break"),
    cst.Continue: _jump("continue"),
    cst.TypeAlias: _type_alias,
}
# Python 3.15's lazy imports, which older releases of libcst do not know.
if hasattr(cst, "LazyImport"):
    SIMPLE_STATEMENTS[cst.LazyImport] = _lazy(_import)
    SIMPLE_STATEMENTS[cst.LazyImportFrom] = _lazy(_import_from)
