"""Displays and comprehensions of a libcst tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_lowering import Lowerer, Lowering


def elements(low: Lowering, nodes: Iterable[Any]) -> tuple[n.Expr, ...]:
    found: list[n.Expr] = []
    for node in nodes:
        found.append(low.expr(node if type(node) is cst.StarredElement else node.value))
        low.comma(node.comma)
    return tuple(found)


def _display(kind: str, left: str, right: str) -> Lowerer:
    def lower(low: Lowering, node: Any, start: int) -> n.Expr:
        low.token(left)
        items = elements(low, node.elements)
        low.token(right)
        return n.Sequence(low.span(start), kind, items)

    return lower


def _tuple(low: Lowering, node: cst.Tuple, start: int) -> n.Expr:
    low.open(node.lpar[:1])
    items = elements(low, node.elements)
    low.close(node.rpar[:1])
    return n.Sequence(low.span(start), "tuple", items)


def _dict(low: Lowering, node: cst.Dict, start: int) -> n.Expr:
    keys: list[n.Expr | None] = []
    values: list[n.Expr] = []
    low.token("{")
    for element in node.elements:
        if isinstance(element, cst.DictElement):
            keys.append(low.expr(element.key))
            values.append(low.after(":", element.value))
        else:
            keys.append(None)
            values.append(low.after("**", element.value))
        low.comma(element.comma)
    low.token("}")
    return n.Dict(low.span(start), tuple(keys), tuple(values))


def generators(low: Lowering, node: cst.CompFor | None) -> tuple[n.Generator, ...]:
    found: list[n.Generator] = []
    while node is not None:
        if node.asynchronous is not None:
            low.token("async")
        target = low.after("for", node.target)
        source = low.after("in", node.iter)
        ifs = tuple([low.after("if", part.test) for part in node.ifs])
        found.append(n.Generator(target, source, ifs, node.asynchronous is not None))
        node = node.inner_for_in
    return tuple(found)


def _comprehension(kind: str, left: str, right: str) -> Lowerer:
    def lower(low: Lowering, node: Any, start: int) -> n.Expr:
        low.token(left)
        element = low.expr(node.elt)
        found = generators(low, node.for_in)
        low.token(right)
        return n.Comprehension(low.span(start), kind, (element,), found)

    return lower


def _generator(low: Lowering, node: cst.GeneratorExp, start: int) -> n.Expr:
    low.open(node.lpar[:1])
    element = low.expr(node.elt)
    found = generators(low, node.for_in)
    low.close(node.rpar[:1])
    return n.Comprehension(low.span(start), "generator", (element,), found)


def _dict_comprehension(low: Lowering, node: cst.DictComp, start: int) -> n.Expr:
    low.token("{")
    pair = (low.expr(node.key), low.after(":", node.value))
    found = generators(low, node.for_in)
    low.token("}")
    return n.Comprehension(low.span(start), "dict", pair, found)


def _starred_dict_comprehension(low: Lowering, node: Any, start: int) -> n.Expr:
    low.token("{")
    mapping = low.after("**", node.value)
    found = generators(low, node.for_in)
    low.token("}")
    return n.Comprehension(low.span(start), "dict", (mapping,), found)


def _starred_element(low: Lowering, node: cst.StarredElement, start: int) -> n.Expr:
    value = low.after("*", node.value)
    return n.Starred(low.span(start), value)


DISPLAYS: dict[type, Lowerer] = {
    cst.Tuple: _tuple,
    cst.List: _display("list", "[", "]"),
    cst.Set: _display("set", "{", "}"),
    cst.Dict: _dict,
    cst.StarredElement: _starred_element,
    cst.ListComp: _comprehension("list", "[", "]"),
    cst.SetComp: _comprehension("set", "{", "}"),
    cst.GeneratorExp: _generator,
    cst.DictComp: _dict_comprehension,
}
# Python 3.15's ``{**mapping for ...}``, which older releases of libcst do not know.
if hasattr(cst, "StarredDictComp"):
    DISPLAYS[cst.StarredDictComp] = _starred_dict_comprehension
