"""Variables of an enclosing function whose relationships a function within it reads: whoever calls that one there knows
the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.summary import Summary
from sqla_lint.flow.terms.values import Parameter
from sqla_lint.index.module import Function, walk
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

# Names of parameters that stand for such variables begin with it.
_FREE = "%free."


def of_outer(world: World, function: Function, name: str, found: Value) -> Value | None:
    """The variable *name* of an enclosing function, which is *found* there, as what a call hands in; None if *function*
    reads nothing of it.
    """
    if not isinstance(found, (Entity, Parameter)) or not function.words & world.reading_names:
        return None
    reads = any(_reads(world, node, name) for node in walk(function.node.body))
    return Parameter(_FREE + name, cls=found.cls) if reads else None


def _reads(world: World, node: object, name: str) -> bool:
    """Whether a relationship of what has this name is read, or it is gone through."""
    if isinstance(node, n.Attribute):
        return isinstance(node.value, n.Name) and node.value.id == name and node.attr in world.reading_names
    rows = node.iter if isinstance(node, (n.For, n.Generator)) else None
    return isinstance(rows, n.Name) and rows.id == name


def handed_in(ctx: Context, cur: Cursor, function: Function, summary: Summary, pos: Pos) -> dict[str, Value]:
    """What the variables are where *function* is called, from within the function that has them."""
    from sqla_lint.flow.evaluation.evaluate import expr

    names = [read.name for read in summary.reads if read.name.startswith(_FREE)]
    return {name: expr(ctx, cur, n.Name(pos, name[len(_FREE) :])) for name in names if _is_within(ctx, function)}


def _is_within(ctx: Context, function: Function) -> bool:
    scope = ctx.function
    while scope is not None and scope is not function.outer:
        scope = scope.outer
    return scope is not None
