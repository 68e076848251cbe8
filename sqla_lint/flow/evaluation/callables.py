"""Functions that are handed to others, which call them for rows."""

from __future__ import annotations

from functools import reduce

from sqla_lint.flow.evaluation import containers, substitute
from sqla_lint.flow.reading import drawing, loading
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.summary import Applies, Summary
from sqla_lint.flow.terms.values import UNKNOWN, Caller, Choice, FunctionValue, Getter, LambdaValue, Parameter, Partial
from sqla_lint.lower.nodes import Pos

_MAX_APPLIES = 10


def note(ctx: Context, func: Parameter, args: list[Value]) -> None:
    """The function calls *func*, which it was handed itself, for rows."""
    if ctx.static or func.steps or func.cls is not None or len(ctx.applies) >= _MAX_APPLIES:
        return
    if any(_is_of_rows(arg) for arg in args):
        drawn = any(loading.innermost(ctx, getattr(arg, "drawn", ())) is not None for arg in args)
        ctx.applies[Applies(func.name, tuple(args), drawn)] = None


def chosen(ctx: Context, cur: Cursor, choice: Choice, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    """One of several functions is called: what any gives, if none does anything to a session."""
    from sqla_lint.flow.evaluation import calls

    if any(ctx.world.summary(each.function).effects for each in choice.functions):
        return calls.unknown(ctx, cur, args, kwargs, pos)
    return reduce(join, [calls.apply(ctx, cur, each, args, kwargs, pos) for each in choice.functions])


def applied(ctx: Context, cur: Cursor, summary: Summary, bound: dict[str, Value], pos: Pos) -> None:
    """A callee calls functions that it was handed here for rows that it was handed, or has found: in its loops, once
    for each.
    """
    outer = ctx.loops
    loop = pos[:2]
    for one in summary.applies:
        func = bound.get(one.name)
        if isinstance(func, (LambdaValue, FunctionValue, Getter, Caller, Partial)):
            args = [_given(ctx, cur, arg, bound, pos) for arg in one.args]
            if any(containers.holds_rows(arg) for arg in args):
                if one.in_loop:
                    ctx.loops = (*outer, loop)
                    args = [drawing.drawn_by(arg, loop) for arg in args]
                _apply(ctx, cur, func, args, pos)
                ctx.loops = outer


def _given(ctx: Context, cur: Cursor, arg: Value, bound: dict[str, Value], pos: Pos) -> Value:
    """An argument as the caller knows it: a session of the callee's own is none that begins here."""
    return substitute.value(ctx, cur, arg, bound, pos) if _is_of_rows(arg) else UNKNOWN


def _is_of_rows(arg: Value) -> bool:
    return isinstance(arg, Parameter) or containers.holds_rows(arg)


def _apply(ctx: Context, cur: Cursor, func: Value, args: list[Value], pos: Pos) -> None:
    from sqla_lint.flow.evaluation import calls

    calls.apply(ctx, cur, func, args, {}, pos)


__all__ = ["applied", "note"]
