"""Rows that are turned into text: ``print``, ``str``, f-strings and logging call their ``__str__`` or ``__repr__``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqla_lint.flow.evaluation import calls
from sqla_lint.flow.lifetimes import usage
from sqla_lint.flow.reading import loading
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Pair, ways_of
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN, FunctionValue, Literal, Parameter
from sqla_lint.index.module import Class, Function
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# A record below the usual level is put together only where somebody asks for it.
_LOGS = frozenset({"info", "warning", "warn", "error", "exception", "critical", "fatal", "log"})


def method(world: World, cls: Class, name: str) -> Function | None:
    """The method *name* of a class; Python's own ``__str__`` is what ``__repr__`` gives."""
    found = world.method(cls, name)
    return world.method(cls, "__repr__") if found is None and name == "__str__" else found


def show(ctx: Context, cur: Cursor, values: Iterable[Value], pos: Pos, name: str = "__str__") -> None:
    """*values* are turned into text at *pos*."""
    values = tuple(way for value in values for way in ways_of(value))
    for value in values:
        usage.shown(ctx, cur, value, pos)
    if not ctx.world.shown_reads:
        return
    for value in values:
        if isinstance(value, (Entity, Parameter)) and value.cls is not None:
            found = method(ctx.world, value.cls, name)
            if found is not None:
                calls.project(ctx, cur, pos, FunctionValue(found, value), [], {}, name)
        elif isinstance(value, Parameter):
            loading.note_parameter_read(ctx, cur, value, name, pos)


def shown_by(ctx: Context, cur: Cursor, name: str, args: list[Value], pos: Pos) -> None:
    """A call of Python's own *name*, or of a logger's method, that turns its arguments into text."""
    if name in ("print", "str", "format"):
        show(ctx, cur, args if name == "print" else args[:1], pos)
    elif name == "repr":
        show(ctx, cur, args[:1], pos, "__repr__")
    elif name in _LOGS:
        show(ctx, cur, args[1 if name != "log" else 2 :], pos)


def interpolated(ctx: Context, cur: Cursor, text: Literal, right: Value, pos: Pos) -> None:
    """``"%s" % value``."""
    if isinstance(text.value, str) and "%" in text.value:
        name = "__str__" if "%s" in text.value or "%r" not in text.value else "__repr__"
        show(ctx, cur, right.items if isinstance(right, Pair) else (right,), pos, name)


def formatted(ctx: Context, cur: Cursor, node: n.Format) -> Value:
    """An f-string."""
    from sqla_lint.flow.evaluation.evaluate import expr

    for index, part in enumerate(node.values):
        value = expr(ctx, cur, part)
        show(ctx, cur, (value,), part.pos, "__repr__" if index in node.as_repr else "__str__")
    return UNKNOWN
