"""Arguments of a call, as far as it is known how many there are."""

from __future__ import annotations

from sqla_lint.flow.evaluation import containers
from sqla_lint.flow.rendering import renderings
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Criterion, LoaderOption, Many, Pair
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN
from sqla_lint.lower import nodes as n


def positional(ctx: Context, cur: Cursor, node: n.Call) -> list[Value]:
    """Positional arguments; ``*args`` gives what it is known to hold: a tuple's items, or all of a list as one."""
    from sqla_lint.flow.evaluation.evaluate import expr

    found: list[Value] = []
    for arg in node.args:
        if not isinstance(arg, n.Starred):
            value = expr(ctx, cur, arg)
            found.append(renderings.as_context(ctx, cur, arg, value) if ctx.world.templates else value)
            continue
        value = expr(ctx, cur, arg.value)
        if isinstance(value, Pair):
            found.extend(value.items)
        elif isinstance(value, Many) and isinstance(value.item, LoaderOption):
            found.append(value.item)
        elif isinstance(value, Many) and any(isinstance(part, Criterion) for part in value.parts):
            found.extend(value.parts)
        elif value != containers.EMPTY:
            found.append(UNKNOWN)
    return found
