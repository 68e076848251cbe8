"""Attributes, calls, subscripts and parameters of a libcst tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_lowering import Lowerer, Lowering

_DEFAULT = cst.MaybeSentinel.DEFAULT


def _attribute(low: Lowering, node: cst.Attribute, start: int) -> n.Expr:
    value = low.expr(node.value)
    low.token(".")
    attribute = low.name(node.attr)
    return n.Attribute(low.span(start), value, attribute)


def arguments(low: Lowering, nodes: Iterable[cst.Arg]) -> tuple[tuple[n.Expr, ...], tuple[n.Keyword, ...]]:
    positional: list[n.Expr] = []
    keywords: list[n.Keyword] = []
    for node in nodes:
        if node.keyword is not None:
            name = low.name(node.keyword)
            keywords.append(n.Keyword(name, low.after("=", node.value)))
        elif node.star == "**":
            keywords.append(n.Keyword(None, low.after("**", node.value)))
        else:
            positional.append(_starred(low, node.value) if node.star else low.expr(node.value))
        low.comma(node.comma)
    return tuple(positional), tuple(keywords)


def _starred(low: Lowering, node: cst.BaseExpression) -> n.Expr:
    low.deeper()
    start = low.start()
    value = low.after("*", node)
    low.depth -= 1
    return n.Starred(low.span(start), value)


def _call(low: Lowering, node: cst.Call, start: int) -> n.Expr:
    function = low.expr(node.func)
    before = low.start()
    low.token("(")
    args, keywords = arguments(low, node.args)
    low.token(")")
    lone = args[0] if len(args) == 1 else None
    if (
        isinstance(lone, n.Comprehension)
        and isinstance(node.args[0].value, cst.GeneratorExp)
        and not node.args[0].value.lpar
    ):
        # A lone generator takes the call's parentheses for its own.
        args = (lone._replace(pos=low.span(before)),)
    return n.Call(low.span(start), function, args, keywords)


def _subscript(low: Lowering, node: cst.Subscript, start: int) -> n.Expr:
    value = low.expr(node.value)
    low.token("[")
    index = _index(low, node.slice)
    low.token("]")
    return n.Subscript(low.span(start), value, index)


def _index(low: Lowering, nodes: Any) -> n.Expr:
    if len(nodes) == 1 and nodes[0].comma is _DEFAULT and getattr(nodes[0].slice, "star", None) is None:
        return _subscript_element(low, nodes[0].slice)
    low.deeper()
    start = low.start()
    items: list[n.Expr] = []
    for node in nodes:
        items.append(_subscript_element(low, node.slice))
        low.comma(node.comma)
    low.depth -= 1
    return n.Sequence(low.span(start), "tuple", tuple(items))


def _subscript_element(low: Lowering, node: Any) -> n.Expr:
    if isinstance(node, cst.Index):
        return low.expr(node.value) if node.star is None else _starred(low, node.value)
    low.deeper()
    start = low.start()
    lower = low.maybe(node.lower)
    low.token(":")
    upper = low.maybe(node.upper)
    if node.second_colon is not _DEFAULT:
        low.token(":")
    step = low.maybe(node.step)
    low.depth -= 1
    return n.Slice(low.span(start), lower, upper, step)


def parameters(low: Lowering, node: cst.Parameters) -> tuple[n.Param, ...]:
    found = [_parameter(low, part, "pos") for part in node.posonly_params]
    if isinstance(node.posonly_ind, cst.ParamSlash):
        low.token("/")
        low.comma(node.posonly_ind.comma)
    found += [_parameter(low, part, "normal") for part in node.params]
    if isinstance(node.star_arg, cst.Param):
        found.append(_parameter(low, node.star_arg, "vararg"))
    elif isinstance(node.star_arg, cst.ParamStar):
        low.token("*")
        low.token(",")
    found += [_parameter(low, part, "kwonly") for part in node.kwonly_params]
    if node.star_kwarg is not None:
        found.append(_parameter(low, node.star_kwarg, "kwarg"))
    return tuple(found)


def _parameter(low: Lowering, node: cst.Param, kind: str) -> n.Param:
    if isinstance(node.star, str):
        low.token(node.star)
    start = low.start()
    name = low.name(node.name)
    pos = low.between(start, start + len(name))
    annotation = None if node.annotation is None else low.after(":", node.annotation.annotation)
    default = None if node.default is None else low.after("=", node.default)
    low.comma(node.comma)
    return n.Param(pos, name, kind, annotation, default)


def _lambda(low: Lowering, node: cst.Lambda, start: int) -> n.Expr:
    low.token("lambda")
    params = parameters(low, node.params)
    body = low.after(":", node.body)
    return n.Lambda(low.span(start), params, body)


CALLS: dict[type, Lowerer] = {
    cst.Attribute: _attribute,
    cst.Call: _call,
    cst.Subscript: _subscript,
    cst.Lambda: _lambda,
}
