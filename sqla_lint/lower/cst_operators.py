"""Operators and keywords in the expressions of a libcst tree."""

from __future__ import annotations

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_lowering import Lowerer, Lowering

_TEXTS: dict[type, str] = {
    cst.And: "and", cst.Or: "or", cst.Not: "not", cst.BitInvert: "~", cst.Plus: "+", cst.Minus: "-",
    cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*", cst.MatrixMultiply: "@", cst.Divide: "/", cst.Modulo: "%",
    cst.Power: "**", cst.LeftShift: "<<", cst.RightShift: ">>", cst.BitOr: "|", cst.BitXor: "^", cst.BitAnd: "&",
    cst.FloorDivide: "//", cst.Equal: "==", cst.NotEqual: "!=", cst.LessThan: "<", cst.LessThanEqual: "<=",
    cst.GreaterThan: ">", cst.GreaterThanEqual: ">=", cst.Is: "is", cst.IsNot: "is not", cst.In: "in",
    cst.NotIn: "not in",
    cst.AddAssign: "+", cst.SubtractAssign: "-", cst.MultiplyAssign: "*", cst.MatrixMultiplyAssign: "@",
    cst.DivideAssign: "/", cst.ModuloAssign: "%", cst.PowerAssign: "**", cst.LeftShiftAssign: "<<",
    cst.RightShiftAssign: ">>", cst.BitOrAssign: "|", cst.BitXorAssign: "^", cst.BitAndAssign: "&",
    cst.FloorDivideAssign: "//",
}  # fmt: skip


def operator_text(node: cst.CSTNode) -> str:
    """The operator as the representation names it; an augmented assignment's without its ``=``."""
    return _TEXTS[type(node)]


def _boolean(low: Lowering, node: cst.BooleanOperation, start: int) -> n.Expr:
    operator = type(node.operator)
    operands: list[cst.BaseExpression] = [node.right]
    left = node.left
    while isinstance(left, cst.BooleanOperation) and type(left.operator) is operator and not left.lpar:
        operands.append(left.right)
        left = left.left
    word = operator_text(node.operator)
    values = [low.expr(left)]
    values += [low.after(word, operand) for operand in reversed(operands)]
    return n.BoolOp(low.span(start), word, tuple(values))


def _unary(low: Lowering, node: cst.UnaryOperation, start: int) -> n.Expr:
    operator = operator_text(node.operator)
    operand = low.after(operator, node.expression)
    return n.UnaryOp(low.span(start), operator, operand)


def _binary(low: Lowering, node: cst.BinaryOperation, start: int) -> n.Expr:
    operator = operator_text(node.operator)
    left = low.expr(node.left)
    right = low.after(operator, node.right)
    return n.BinOp(low.span(start), operator, left, right)


def _compare(low: Lowering, node: cst.Comparison, start: int) -> n.Expr:
    left = low.expr(node.left)
    operators: list[str] = []
    comparators: list[n.Expr] = []
    for target in node.comparisons:
        operators.append(operator_text(target.operator))
        for word in operators[-1].split():
            low.token(word)
        comparators.append(low.expr(target.comparator))
    return n.Compare(low.span(start), left, tuple(operators), tuple(comparators))


def _conditional(low: Lowering, node: cst.IfExp, start: int) -> n.Expr:
    body = low.expr(node.body)
    test = low.after("if", node.test)
    orelse = low.after("else", node.orelse)
    return n.IfExp(low.span(start), test, body, orelse)


def _await(low: Lowering, node: cst.Await, start: int) -> n.Expr:
    value = low.after("await", node.expression)
    return n.Await(low.span(start), value)


def _yield(low: Lowering, node: cst.Yield, start: int) -> n.Expr:
    low.token("yield")
    if isinstance(node.value, cst.From):
        source = low.after("from", node.value.item)
        return n.Yield(low.span(start), source, True)
    value = low.maybe(node.value)
    return n.Yield(low.span(start), value, False)


def _walrus(low: Lowering, node: cst.NamedExpr, start: int) -> n.Expr:
    target = low.expr(node.target)
    assert isinstance(target, n.Name)
    value = low.after(":=", node.value)
    return n.Walrus(low.span(start), target, value)


OPERATORS: dict[type, Lowerer] = {
    cst.BooleanOperation: _boolean,
    cst.UnaryOperation: _unary,
    cst.BinaryOperation: _binary,
    cst.Comparison: _compare,
    cst.IfExp: _conditional,
    cst.Await: _await,
    cst.Yield: _yield,
    cst.NamedExpr: _walrus,
}
