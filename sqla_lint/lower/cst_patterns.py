"""Patterns of ``match`` in a libcst tree: which names they bind, and where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_lowering import Lowering


def pattern(low: Lowering, node: cst.MatchPattern, names: set[str]) -> n.Pos:
    """Move past a pattern and return its position; the names that it binds are added to *names*."""
    inner = 1 if isinstance(node, cst.MatchTuple) else 0
    low.open(node.lpar[inner:])
    start = low.start()
    _PATTERNS[type(node)](low, node, names)
    pos = low.span(start)
    low.close(node.rpar[inner:])
    return pos


def _bind(low: Lowering, node: cst.Name | None, names: set[str]) -> None:
    if node is None:
        low.token("_")
    else:
        names.add(low.name(node))


def _value(low: Lowering, node: cst.MatchValue, names: set[str]) -> None:
    low.skipped(node.value)


def _singleton(low: Lowering, node: cst.MatchSingleton, names: set[str]) -> None:
    low.name(node.value)


def _sequence(low: Lowering, nodes: Iterable[Any], names: set[str]) -> None:
    for node in nodes:
        if isinstance(node, cst.MatchStar):
            low.token("*")
            _bind(low, node.name, names)
        else:
            pattern(low, node.value, names)
        low.comma(node.comma)


def _tuple(low: Lowering, node: cst.MatchTuple, names: set[str]) -> None:
    low.open(node.lpar[:1])
    _sequence(low, node.patterns, names)
    low.close(node.rpar[:1])


def _list(low: Lowering, node: cst.MatchList, names: set[str]) -> None:
    if node.lbracket is not None:
        low.token("[")
    _sequence(low, node.patterns, names)
    if node.rbracket is not None:
        low.token("]")


def _mapping(low: Lowering, node: cst.MatchMapping, names: set[str]) -> None:
    low.token("{")
    for element in node.elements:
        low.skipped(element.key)
        low.token(":")
        pattern(low, element.pattern, names)
        low.comma(element.comma)
    if node.rest is not None:
        low.token("**")
        _bind(low, node.rest, names)
        low.comma(node.trailing_comma)
    low.token("}")


def _class(low: Lowering, node: cst.MatchClass, names: set[str]) -> None:
    low.skipped(node.cls)
    low.token("(")
    _sequence(low, node.patterns, names)
    for keyword in node.kwds:
        low.name(keyword.key)
        low.token("=")
        pattern(low, keyword.pattern, names)
        low.comma(keyword.comma)
    low.token(")")


def _as(low: Lowering, node: cst.MatchAs, names: set[str]) -> None:
    if node.pattern is not None:
        pattern(low, node.pattern, names)
        low.token("as")
    _bind(low, node.name, names)


def _or(low: Lowering, node: cst.MatchOr, names: set[str]) -> None:
    for index, element in enumerate(node.patterns):
        if index:
            low.token("|")
        pattern(low, element.pattern, names)


_PATTERNS: dict[type, Callable[[Lowering, Any, set[str]], None]] = {
    cst.MatchValue: _value,
    cst.MatchSingleton: _singleton,
    cst.MatchTuple: _tuple,
    cst.MatchList: _list,
    cst.MatchMapping: _mapping,
    cst.MatchClass: _class,
    cst.MatchAs: _as,
    cst.MatchOr: _or,
}
