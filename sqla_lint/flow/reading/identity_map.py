"""What a session holds once a query has run: its rows, what its options load, and the same on rows that were there."""

from __future__ import annotations

from collections.abc import Iterable

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes import instances, usage
from sqla_lint.flow.reading import held_keys, parents
from sqla_lint.flow.reading.strategies import RELATIONSHIPS
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Pair, Query, ways_of
from sqla_lint.flow.terms.state import Cursor, Held
from sqla_lint.flow.terms.values import TRUE
from sqla_lint.index.module import Class

# Rows that came in as parents: which of them a query asks for again is not known.
_BY_OTHERS = ("loaded", parents.SIBLING)


def hold(ctx: Context, cur: Cursor, query: Query, one: bool = False) -> None:
    """The rows of a query, and what its options load, are in the session's identity map from here on.

    That a row is there says nothing of the parents of all rows of another class: *one* is told apart.
    """
    rows = query.row.items if isinstance(query.row, Pair) else (query.row,)
    for row in rows:
        if isinstance(row, Entity):
            instances.loaded(cur, row)
            held_keys.note(cur, row)
            _given_to_held(ctx, cur, query, row)
            if not one:
                _had_before(ctx, cur, query, row)
            for path, strategy in query.origin.options:
                if path and strategy in api.EAGER:
                    # Rows that the session holds already are given what the query loads with its own.
                    cur.env[usage.eager(path[-1])] = TRUE
            held: set[Held] = {(row.cls, query.origin.pos, "one" if one or query.single else "own")}
            if not (one or query.single or query.origin.filtered or query.origin.partial):
                held.add((row.cls, query.origin.pos, "all"))
            if sum(isinstance(other, Entity) and other.cls is row.cls for other in rows) > 1:
                # ``query(User, boss)``: the second of each pair may be the parent of the first.
                held.add((row.cls, query.origin.pos, "beside"))
            for path, strategy in query.origin.options:
                target = held_keys.reached(ctx, row.cls, path) if strategy in api.EAGER else None
                if target is not None:
                    held.add((target, query.origin.pos, "one" if one or query.single else "loaded"))
            cur.held = cur.held | held


def _given_to_held(ctx: Context, cur: Cursor, query: Query, row: Entity) -> None:
    """What a query loads with its rows is there on those that an earlier query gave, too: they are the same objects."""
    paths = _eager(query)
    for cls, pos, which in cur.held if paths else ():
        if pos is not None and pos != query.origin.pos and which not in _BY_OTHERS and _related(ctx, cls, row.cls):
            cur.loaded = cur.loaded | {(pos, path, None) for path in paths}


def _had_before(ctx: Context, cur: Cursor, query: Query, row: Entity) -> None:
    """What an earlier query loaded with its rows is there on those that are asked for again, unless they are filled
    anew.
    """
    pos = query.origin.pos
    if ((), api.POPULATE) not in query.origin.options:
        # Of all rows, any that is asked for is one.
        which = ("own", "theirs") if query.origin.filtered else ("all",)
        known = (held for held in cur.held if held[2] in which and _related(ctx, held[0], row.cls))
        rows = {where for _, where, _ in known} - {pos}
        cur.loaded = cur.loaded | {(pos, path, None) for where, path, loop in cur.loaded if where in rows and not loop}
    cur.loaded = cur.loaded | {(pos, path, None) for path in _eager(query)}


def handed(cur: Cursor, values: Iterable[Value]) -> None:
    """A function is handed a query: it may run it, and keep what it loads."""
    for query in (way for value in values for way in ways_of(value)):
        if isinstance(query, Query) and isinstance(query.row, Entity) and (paths := _eager(query)):
            cur.held = cur.held | {(query.row.cls, query.origin.pos, "theirs")}
            cur.loaded = cur.loaded | {(query.origin.pos, path, None) for path in paths}


def _eager(query: Query) -> list[tuple[str, ...]]:
    """The paths that a query loads; a wildcard names relationships, no columns."""
    paths = (path for path, strategy in query.origin.options if path and strategy in api.EAGER)
    return [(*path[:-1], RELATIONSHIPS) if path[-1] == "*" else path for path in paths]


def _related(ctx: Context, one: Class, other: Class) -> bool:
    return one in ctx.world.mappings.lineage(other) or other in ctx.world.mappings.lineage(one)
