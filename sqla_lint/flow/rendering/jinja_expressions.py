"""Expressions of a Jinja template: what they read of the rows that a view hands over."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from sqla_lint.flow.evaluation import calls, containers
from sqla_lint.flow.reading import drawing, loading, rows, texts
from sqla_lint.flow.rendering import jinja_filters
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import AsyncRead, LazyRead, Rendered
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import Dynamic, Entity, Forked, Many, Pair, Query, Record
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN, FunctionValue, Literal, Mapping, Method, Parameter
from sqla_lint.jinja_files import Template
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

Names: TypeAlias = dict[str, Value]

# How much is looked at for one call.
_MAX_NODES = 20_000
_FOLLOWED = (Many, Mapping, Record, Query, Dynamic, Pair)


class Macro(NamedTuple):
    """A macro, with the template it stands in and the names that are known there."""

    template: Template
    node: Any
    names: tuple[tuple[str, Value], ...]
    kind: str = "macro"


class Imported(NamedTuple):
    """What ``{% import %}`` binds: a template's macros."""

    macros: tuple[tuple[str, Macro], ...]
    kind: str = "imported"


class Block(NamedTuple):
    template: Template
    body: Any
    names: Names


class Run:
    """One call that renders: where it is, what was found, and how much was looked at."""

    def __init__(self, ctx: Context, cur: Cursor, outer: Context, call: Pos) -> None:
        self.ctx = ctx
        self.cur = cur
        self.outer = outer
        self.call = call
        self.left = _MAX_NODES
        self.active: tuple[str, ...] = ()
        self.looped: dict[tuple[int, int], str] = {}
        self.blocks: dict[str, list[Block]] = {}
        self.supers: tuple[tuple[str, int], ...] = ()


class Place(NamedTuple):
    """The template that is looked at, and the names known there."""

    run: Run
    template: Template
    names: Names

    def inside(self) -> Place:
        """A scope within: what it binds stays there."""
        return self._replace(names=dict(self.names))


def loop_of(place: Place, node: Any) -> tuple[int, int]:
    """A loop (or a filter that goes through rows) in a template: no code's own, whose columns are not negative."""
    loop = (node.lineno, -1 - place.template.loops.get(id(node), 0))
    place.run.looped[loop] = place.template.source.path
    return loop


def expr(place: Place, node: Any) -> Value:
    """The value of an expression, with what it reads noted."""
    place.run.left -= 1
    if place.run.left < 0:
        return UNKNOWN
    found = _EXPRESSIONS.get(type(node).__name__)
    if found is not None:
        return found(place, node)
    for child in node.iter_child_nodes():
        expr(place, child)
    return UNKNOWN


def _name(place: Place, node: Any) -> Value:
    return place.names.get(node.name, UNKNOWN)


def _const(_place: Place, node: Any) -> Value:
    return Literal(node.value, type(node.value).__name__)


def _getattr(place: Place, node: Any) -> Value:
    return read(place, expr(place, node.node), node.attr, node)


def _getitem(place: Place, node: Any) -> Value:
    owner, key = expr(place, node.node), expr(place, node.arg)
    if isinstance(key, Literal) and isinstance(key.value, str):
        return read(place, owner, key.value, node)
    pos = line(node)
    slicing = type(node.arg).__name__ == "Slice"
    index: n.Expr = n.Slice(pos, None, None, None) if slicing else n.Opaque(pos)
    if isinstance(owner, (Entity, Forked, Parameter, Query)):
        return UNKNOWN
    return drawing.subscript(place.run.ctx, place.run.cur, n.Subscript(pos, n.Opaque(pos), index), owner, key)


def read(place: Place, owner: Value, name: str, node: Any) -> Value:
    """An attribute (or, where there is none, a key) of a value."""
    if isinstance(owner, Imported):
        return dict(owner.macros).get(name, UNKNOWN)
    if isinstance(owner, Pair) and name in ("grouper", "list") and len(owner.items) == 2:
        return owner.items[name == "list"]  # what ``groupby`` gives
    if isinstance(owner, Record) and name in owner.keys:
        return rows.at_key(owner, Literal(name, "str"))
    if isinstance(owner, Macro) or owner == UNKNOWN:
        return UNKNOWN
    pos = _position(place.template, node.lineno, name)
    attribute = n.Attribute(pos, n.Opaque(pos), name)
    return _noted(place, lambda run: loading.attribute(run.ctx, run.cur, attribute, owner))


def _noted(place: Place, step: Callable[[Run], Value]) -> Value:
    """Take a step, and tell the function that renders what rows it reads."""
    run = place.run
    run.ctx.events = {}
    value = step(run)
    raising = any(isinstance(event, AsyncRead) for event in run.ctx.events)
    for event in run.ctx.events if not raising else ():
        if isinstance(event, LazyRead):
            looped = run.looped.get(event.loop, place.template.source.path)
            run.outer.emit(Rendered(place.template.source.path, event, looped, run.call))
    return value


def call(place: Place, node: Any, caller: Macro | None = None) -> Value:
    """A call; *caller* is the block that a ``{% call %}`` hands to a macro."""
    from sqla_lint.flow.rendering import templates

    run = place.run
    if type(node.node).__name__ == "Name" and node.node.name == "super" and run.supers:
        name, index = run.supers[-1]
        templates.filled(run, name, index + 1, None)
        return UNKNOWN
    func = expr(place, node.node)
    args = [expr(place, arg) for arg in node.args]
    kwargs = {keyword.key: expr(place, keyword.value) for keyword in node.kwargs}
    for more in (node.dyn_args, node.dyn_kwargs):
        if more is not None:
            expr(place, more)
            return UNKNOWN
    if isinstance(func, Macro):
        templates.call_macro(place, func, args, kwargs, caller)
    elif isinstance(func, FunctionValue) or (isinstance(func, Method) and isinstance(func.receiver, _FOLLOWED)):
        pos = _position(place.template, node.lineno, getattr(node.node, "attr", ""))
        return _noted(place, lambda run: calls.apply(run.ctx, run.cur, func, args, kwargs, pos))
    return UNKNOWN


def _filter(place: Place, node: Any) -> Value:
    """A filter: which rows come out of it, and what it reads of each."""
    run = place.run
    source = expr(place, node.node) if node.node is not None else UNKNOWN
    args = [expr(place, arg) for arg in node.args]
    kwargs = {keyword.key: expr(place, keyword.value) for keyword in node.kwargs}
    if source == UNKNOWN:
        return UNKNOWN
    if node.name == "attr" and args and isinstance(args[0], Literal):
        return read(place, source, str(args[0].value), node)
    if node.name in jinja_filters.TEXTS:
        shown(place, source, node)
    path = jinja_filters.attribute(node.name, args, kwargs)
    reached: Value = UNKNOWN
    if path or node.name == "join":
        loop = loop_of(place, node)
        listed = _noted(place, lambda run: rows.rows_of(run.ctx, run.cur, source, line(node)))
        reached = drawing.draw(run.ctx, run.cur, listed, loop, n.Opaque(line(node)))
        outer, run.ctx.loops = run.ctx.loops, (*run.ctx.loops, loop)
        for step in path:
            reached = read(place, reached, step, node)
        if node.name == "join":
            shown(place, reached, node)
        run.ctx.loops = outer
        reached = drawing.undrawn(reached, loop)
    if node.name in jinja_filters.LISTS:
        source = rows.rows_of(run.ctx, run.cur, source, line(node))
    return jinja_filters.result(node.name, source, reached)


def _concat(place: Place, node: Any) -> Value:
    for part in node.nodes:
        shown(place, expr(place, part), part)
    return UNKNOWN


def shown(place: Place, value: Value, node: Any) -> None:
    """A row is turned into text: its ``__str__`` may read more of it."""
    if isinstance(value, Entity) and place.run.ctx.world.shown_reads:
        pos = _position(place.template, node.lineno, getattr(node, "name", ""))
        _noted(place, partial(_show, value=value, pos=pos))


def _show(run: Run, value: Value, pos: Pos) -> Value:
    texts.show(run.ctx, run.cur, (value,), pos)
    return UNKNOWN


def _either_of(place: Place, node: Any) -> Value:
    expr(place, node.test)
    first = expr(place, node.expr1)
    return join(first, expr(place, node.expr2)) if node.expr2 is not None else first


def _or(place: Place, node: Any) -> Value:
    left, right = expr(place, node.left), expr(place, node.right)
    return left if right == containers.EMPTY else join(left, right)


def _tuple(place: Place, node: Any) -> Value:
    return Pair(tuple(expr(place, item) for item in node.items))


def _list(place: Place, node: Any) -> Value:
    return _tuple(place, node) if node.items else containers.EMPTY


def line(node: Any) -> Pos:
    return (node.lineno, 0, node.lineno, 0)


def _position(template: Template, line: int, name: str) -> Pos:
    """Where an attribute stands: Jinja knows the line alone."""
    text = template.source.line(line)
    found = re.search(rf"(?<=\.)\s*{re.escape(name)}\b", text) or re.search(rf"\b{re.escape(name)}\b", text)
    start, end = found.span() if found else (len(text) - len(text.lstrip()), len(text.rstrip()))
    return (line, start, line, max(start, end))


_EXPRESSIONS: dict[str, Callable[[Place, Any], Value]] = {
    "Call": call,
    "Concat": _concat,
    "CondExpr": _either_of,
    "Const": _const,
    "Filter": _filter,
    "Getattr": _getattr,
    "Getitem": _getitem,
    "List": _list,
    "Name": _name,
    "Or": _or,
    "Tuple": _tuple,
}
