"""Compound statements and blocks of a libcst tree in the neutral representation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_calls import arguments, parameters
from sqla_lint.lower.cst_lowering import Lowering, TooDeep
from sqla_lint.lower.cst_patterns import pattern
from sqla_lint.lower.cst_statements import SIMPLE_STATEMENTS, StatementLowerer, type_parameters
from sqla_lint.lower.scan import statement_end


def block(low: Lowering, nodes: Iterable[Any]) -> tuple[n.Stmt, ...]:
    """Lower statements; one that nests too deep becomes an opaque one and a bound."""
    low.deeper()
    depth = low.depth
    lowered: list[n.Stmt] = []
    for node in _flat(nodes):
        start, found = low.start(), len(low.bounds)
        try:
            lowered.append(_STATEMENTS[type(node)](low, node, start))
        except TooDeep:
            low.depth = depth
            first, low.offset = statement_end(low.text, start)
            pos = low.span(first)
            # What was too deep inside it is part of it.
            low.bounds[found:] = [pos]
            lowered.append(n.ExprStmt(pos, n.Opaque(pos)))
        if type(getattr(node, "semicolon", None)) is cst.Semicolon:
            low.token(";")
    low.depth -= 1
    return tuple(lowered)


def _flat(nodes: Iterable[Any]) -> Iterator[Any]:
    for node in nodes:
        if type(node) is cst.SimpleStatementLine:
            yield from node.body
        else:
            yield node


def _suite(low: Lowering, suite: cst.BaseSuite) -> tuple[n.Stmt, ...]:
    low.token(":")
    return block(low, suite.body)


def _clause(low: Lowering, word: str, node: cst.Else | cst.Finally | None) -> tuple[n.Stmt, ...]:
    if node is None:
        return ()
    low.token(word)
    return _suite(low, node.body)


def _decorators(low: Lowering, nodes: Iterable[cst.Decorator]) -> tuple[n.Expr, ...]:
    return tuple([low.after("@", node.decorator) for node in nodes])


def _async(low: Lowering, node: Any) -> bool:
    if node.asynchronous is None:
        return False
    low.token("async")
    return True


def _function(low: Lowering, node: cst.FunctionDef, start: int) -> n.Stmt:
    decorators = _decorators(low, node.decorators)
    start = low.start()
    is_async = _async(low, node)
    low.token("def")
    name = low.name(node.name)
    type_parameters(low, node.type_parameters)
    low.token("(")
    params = parameters(low, node.params)
    low.token(")")
    returns = None if node.returns is None else low.after("->", node.returns.annotation)
    body = _suite(low, node.body)
    return n.FunctionDef(low.span(start), name, params, body, decorators, returns, is_async)


def _class(low: Lowering, node: cst.ClassDef, start: int) -> n.Stmt:
    decorators = _decorators(low, node.decorators)
    start = low.start()
    low.token("class")
    name = low.name(node.name)
    type_parameters(low, node.type_parameters)
    bases: tuple[n.Expr, ...] = ()
    keywords: tuple[n.Keyword, ...] = ()
    if isinstance(node.lpar, cst.LeftParen):
        low.token("(")
        bases, keywords = arguments(low, [*node.bases, *node.keywords])
        low.token(")")
    body = _suite(low, node.body)
    return n.ClassDef(low.span(start), name, bases, keywords, body, decorators)


def _if(low: Lowering, node: cst.If, start: int) -> n.Stmt:
    # libcst has no word of its own for ``elif``.
    test = low.after("elif" if low.text.startswith("elif", start) else "if", node.test)
    body = _suite(low, node.body)
    orelse = block(low, [node.orelse]) if isinstance(node.orelse, cst.If) else _clause(low, "else", node.orelse)
    return n.If(low.span(start), test, body, orelse)


def _while(low: Lowering, node: cst.While, start: int) -> n.Stmt:
    test = low.after("while", node.test)
    body = _suite(low, node.body)
    orelse = _clause(low, "else", node.orelse)
    return n.While(low.span(start), test, body, orelse)


def _for(low: Lowering, node: cst.For, start: int) -> n.Stmt:
    is_async = _async(low, node)
    target = low.after("for", node.target)
    source = low.after("in", node.iter)
    body = _suite(low, node.body)
    orelse = _clause(low, "else", node.orelse)
    return n.For(low.span(start), target, source, body, orelse, is_async)


def _try(low: Lowering, node: Any, start: int) -> n.Stmt:
    low.token("try")
    body = _suite(low, node.body)
    handlers = tuple([_handler(low, handler) for handler in node.handlers])
    orelse = _clause(low, "else", node.orelse)
    final = _clause(low, "finally", node.finalbody)
    return n.Try(low.span(start), body, handlers, orelse, final, isinstance(node, cst.TryStar))


def _handler(low: Lowering, node: Any) -> n.Handler:
    start = low.start()
    low.token("except")
    if isinstance(node, cst.ExceptStarHandler):
        low.token("*")
    kind = low.maybe(node.type)
    name = None
    if node.name is not None:
        low.token("as")
        name = low.name(node.name.name)
    body = _suite(low, node.body)
    return n.Handler(low.span(start), kind, name, body)


def _with(low: Lowering, node: cst.With, start: int) -> n.Stmt:
    is_async = _async(low, node)
    low.token("with")
    parenthesised = isinstance(node.lpar, cst.LeftParen)
    if parenthesised:
        low.token("(")
    items = tuple([_with_item(low, item) for item in node.items])
    if parenthesised:
        low.token(")")
    body = _suite(low, node.body)
    return n.With(low.span(start), items, body, is_async)


def _with_item(low: Lowering, node: cst.WithItem) -> n.WithItem:
    context = low.expr(node.item)
    target = None if node.asname is None else low.after("as", node.asname.name)
    low.comma(node.comma)
    return n.WithItem(context, target)


def _match(low: Lowering, node: cst.Match, start: int) -> n.Stmt:
    subject = low.after("match", node.subject)
    low.token(":")
    cases = tuple([_case(low, case) for case in node.cases])
    return n.Match(low.span(start), subject, cases)


def _case(low: Lowering, node: cst.MatchCase) -> n.Case:
    low.token("case")
    names: set[str] = set()
    pos = pattern(low, node.pattern, names)
    guard = None if node.guard is None else low.after("if", node.guard)
    irrefutable = guard is None and isinstance(node.pattern, cst.MatchAs) and node.pattern.pattern is None
    return n.Case(pos, tuple(sorted(names)), irrefutable, guard, _suite(low, node.body))


_STATEMENTS: dict[type, StatementLowerer] = {
    **SIMPLE_STATEMENTS,
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
    cst.If: _if,
    cst.While: _while,
    cst.For: _for,
    cst.Try: _try,
    cst.TryStar: _try,
    cst.With: _with,
    cst.Match: _match,
}
