"""Methods that Python calls by itself: ``for pet in owner``, ``len(owner)``, ``pet in owner``, ``shelf[key]``."""

from __future__ import annotations

from sqla_lint.flow.evaluation import calls
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Many, Pair
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN, FunctionValue, Instance
from sqla_lint.lower.nodes import Pos


def call(ctx: Context, cur: Cursor, owner: Value, name: str, args: list[Value], pos: Pos) -> Value | None:
    """What the method *name* of a row, or of an object of the project, gives; None where it has no such method."""
    if not isinstance(owner, (Entity, Instance)):
        return None
    method = ctx.world.method(owner.cls, name)
    if method is None:
        return None
    return calls.project(ctx, cur, pos, FunctionValue(method, owner), args, {}, name)


def iterated(ctx: Context, cur: Cursor, value: Value, pos: Pos) -> Value:
    """What a loop goes over: of an object, what its ``__iter__`` gives."""
    found = call(ctx, cur, value, "__iter__", [], pos)
    return value if found is None else found


def comparison(ctx: Context, listed: Value) -> Value | None:
    """What sorting a list of rows compares them with; None where their class does not say."""
    row = listed.item if isinstance(listed, Many) else None
    method = ctx.world.method(row.cls, "__lt__") if isinstance(row, Entity) else None
    return FunctionValue(method) if method is not None else None


def unpacked(ctx: Context, value: Value) -> Value:
    """A named tuple as the tuple that it is."""
    fields = ctx.world.dataclass_fields(value.cls) if isinstance(value, Instance) and value.held else None
    if fields is None or not isinstance(value, Instance) or ctx.world.method(value.cls, "__iter__") is not None:
        return value
    held = dict(value.held)
    return Pair(tuple(held.get(name, UNKNOWN) for name in fields))
