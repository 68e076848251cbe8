"""Which rows cannot be of a mapped class: those that are no ``isinstance``, and those asked for what it has not."""

from __future__ import annotations

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Forked, Pair
from sqla_lint.flow.terms.values import FALSE, UNKNOWN, ClassValue, Parameter
from sqla_lint.index.module import Class


def is_instance(ctx: Context, args: list[Value]) -> Value:
    """False for a row (or None in its place) of a class that has nothing in common with the ones asked for."""
    if len(args) == 2 and isinstance(args[0], Forked):
        found = {is_instance(ctx, [way, args[1]]) for way in args[0].ways}
        return FALSE if found == {FALSE} else UNKNOWN
    if len(args) != 2 or not isinstance(args[0], Entity):
        return UNKNOWN
    row, asked = args[0].cls, args[1]
    kinds = asked.items if isinstance(asked, Pair) else (asked,)
    is_none = all(isinstance(kind, ClassValue) and _are_apart(ctx, row, kind.cls) for kind in kinds)
    return FALSE if kinds and is_none else UNKNOWN


def _are_apart(ctx: Context, one: Class, other: Class) -> bool:
    """Whether no class of the project is made of both; a mixin may be a part of any."""
    mappings = ctx.world.mappings
    return mappings.is_mapped(other) and not any(
        one in lineage and other in lineage for lineage in map(mappings.lineage, (one, *ctx.world.names.below(one)))
    )


def having(ctx: Context, row: Forked, name: str) -> tuple[Value, ...]:
    """The ways that may lead to a row with the attribute *name*: where a class has none, the row is of another.

    None where several rows that one row is related to have it: which of them is meant may hang on what that one is.
    """
    are_beside = _are_beside(row.ways)
    ways = row.ways
    if are_beside or name in ctx.world.mappings.relationship_names:
        ways = tuple(way for way in row.ways if not _lacks(ctx, way, name)) or row.ways
    return () if are_beside and len(ways) > 1 else ways


def _are_beside(ways: tuple[Value, ...]) -> bool:
    """Whether rows of several classes are what one row is related to: ``self.author or self.group``."""
    rows = [way for way in ways if isinstance(way, (Entity, Parameter)) and way.steps]
    owners = {(row.origin if isinstance(row, Entity) else row.name, row.steps[:-1]) for row in rows}
    return len(rows) == len(ways) == len({row.cls for row in rows}) and len(owners) == 1


def _lacks(ctx: Context, way: Value, name: str) -> bool:
    cls = way.cls if isinstance(way, (Entity, Parameter)) else None
    mappings = ctx.world.mappings
    if cls is None or not mappings.is_mapped(cls):
        return False
    kinds = {*mappings.lineage(cls), *(base for sub in ctx.world.names.below(cls) for base in mappings.lineage(sub))}
    return not any(
        name in kind.assigned or name in kind.methods or mappings.relationship(kind, name) is not None for kind in kinds
    )
