"""Methods of a schema that its library calls: no call of them is written, so what they read is read where the schema is
filled.
"""

from __future__ import annotations

from sqla_lint import serializer_api as api
from sqla_lint.flow.evaluation import calls, members
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.events import Event, Handed, LazyRead
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.summary import Read
from sqla_lint.flow.terms.values import ClassValue, FunctionValue, Instance
from sqla_lint.index.module import Function
from sqla_lint.index.shapes import Schema
from sqla_lint.lower.nodes import Pos


def run(ctx: Context, cur: Cursor, function: Function, schema: Schema, args: list[Value], pos: Pos) -> Value:
    """Call a method of a schema, as its library does."""
    receiver: Value | None = Instance(schema.cls)
    if members.has_decorator(function, "staticmethod") or function.cls is None:
        receiver = None
    elif members.has_decorator(function, "classmethod", *api.VALIDATORS):
        receiver = ClassValue(schema.cls)
    outer = ctx.events, ctx.reads
    ctx.events, ctx.reads = {}, dict(ctx.reads)
    found = calls.project(ctx, cur, pos, FunctionValue(function, receiver), args, {}, function.node.name)
    events, reads = ctx.events, ctx.reads
    ctx.events, ctx.reads = outer
    for event in events:
        ctx.emit(_read_here(ctx, event, function, pos))
    for read in reads:
        if read not in ctx.reads:
            ctx.reads[_handed_here(ctx, read, pos)] = None
    return found


def _read_here(ctx: Context, event: Event, function: Function, pos: Pos) -> Event:
    """A read in a loop of the method, as one in the innermost loop that the schema is filled in."""
    if not isinstance(event, Handed) or event.entity is None:
        return event
    relation = ctx.world.mappings.relationship(event.entity.cls, event.attribute)
    loop = ctx.loops[-1] if ctx.loops else pos[:2]
    told = (f"{function.qualname}()", event.read, event.path)
    many = relation.many if relation is not None else False
    return LazyRead(pos, loop, event.entity, event.attribute, event.status, many, told, pos)


def _handed_here(ctx: Context, read: object, pos: Pos) -> object:
    """The same of rows that were handed in: it is for the callers of the function to say what they have loaded."""
    if not isinstance(read, Read) or not read.in_loop or not read.root or ctx.function is None:
        return read
    loop = ctx.loops[-1] if ctx.loops else pos[:2]
    return Read(read.name, read.steps, pos, True, loop, ctx.path, ctx.function.qualname, read.under)
