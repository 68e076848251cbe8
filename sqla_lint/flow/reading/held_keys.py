"""Rows that the session holds without their foreign key: an earlier query left that column out."""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes import instances
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Origin
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.index.module import Class

# Names of variables that keep the rows of queries that leave columns out begin with it.
_LEFT_OUT = "%left-out"


def note(cur: Cursor, row: Entity) -> None:
    """A query has run: keep its rows in mind if it leaves columns out."""
    if row.origin is not None and any(strategy == "defer" for _, strategy in row.origin.options):
        cur.env[f"{_LEFT_OUT}{row.origin.pos}"] = row


def given_before(ctx: Context, cur: Cursor, owner: Entity) -> Iterator[Entity]:
    """The rows of an earlier query that *owner* stands for, as that one loaded them, where it left columns out.

    The query of *owner* itself would fill in what its own rows, and those that it loads with them, do not have.
    """
    left = [row for name, row in cur.env.items() if name.startswith(_LEFT_OUT)] if owner.steps else []
    if not left or owner.origin is None or _is_loaded_anew(ctx, cur, owner.origin, owner.steps):
        return
    for row in left:
        if isinstance(row, Entity) and row.origin is not None and row.origin.pos != owner.origin.pos:
            for path in {path[:-1] for path, strategy in row.origin.options if strategy == "defer"}:
                if reached(ctx, row.cls, path) is owner.cls:
                    yield Entity(owner.cls, row.origin, path)


def _is_loaded_anew(ctx: Context, cur: Cursor, origin: Origin, steps: tuple[str, ...]) -> bool:
    """Whether the query *origin*, or the mapping, may load what *steps* lead to with its rows."""
    rows = (row for value in cur.env.values() for row in instances.entities(value))
    first = next((row.cls for row in rows if row.origin == origin and not row.steps), None)
    before = reached(ctx, first, steps[:-1]) if first is not None else None
    relation = ctx.world.mappings.relationship(before, steps[-1]) if before is not None else None
    said = {strategy for path, strategy in origin.options if path[-1:] in (steps[-1:], ("*",))}
    return relation is None or bool((said | {relation.lazy}) & api.EAGER)


def reached(ctx: Context, cls: Class, path: tuple[str, ...]) -> Class | None:
    """The class that the relationships of *path* lead to."""
    for step in path:
        relation = ctx.world.mappings.relationship(cls, step)
        if relation is None or relation.target is None:
            return None
        cls = relation.target
    return cls
