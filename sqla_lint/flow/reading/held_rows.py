"""Whether the session holds the row that ``get`` looks for: then the identity map gives it, without a statement."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes import instances
from sqla_lint.flow.reading import strategies
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Entity, Forked, Key, Many, Pair, Record, Reference
from sqla_lint.flow.terms.state import Cursor, Loaded
from sqla_lint.flow.terms.values import UNKNOWN, Mapping, Parameter
from sqla_lint.index.module import Class
from sqla_lint.lower.nodes import Pos


def is_held(ctx: Context, cur: Cursor, sid: Sid | None, cls: Class, key: Value | None) -> bool:
    """Whether the row of *cls* with *key* is held: it is that of a row at hand, was got in this round, or all are."""
    if isinstance(key, Forked):
        return all(is_held(ctx, cur, sid, cls, way) for way in key.ways)
    if isinstance(key, (Pair, Record)):
        # ``get(Box, (key,))``, ``get(Box, {"id": key})``.
        parts = key.items if isinstance(key, Pair) else key.values
        return len(parts) == 1 and is_held(ctx, cur, sid, cls, parts[0])
    if isinstance(key, (Key, Reference)) and isinstance(key.row, Entity):
        is_there = _is_fresh(cur, sid, key.row) and _is_at_hand(ctx, cur, key.row)
        if isinstance(key, Key) and cls in ctx.world.names.lineage(key.row.cls):
            return is_there
        if isinstance(key, Reference) and is_there and _is_with(ctx, cur, cls, key.row, key.name):
            return True
    if isinstance(key, Parameter) and any((*entry[:2],) == _got(cls, key) for entry in cur.loaded):
        return True
    return any(_has_all(cur, sid, cls, value) for value in cur.env.values())


def key_of(ctx: Context, owner: Entity | Parameter, name: str) -> Value:
    """What a column of a row is as a key: of the row itself, or of one that it refers to."""
    if owner.cls is None:
        return UNKNOWN
    if ctx.world.columns.is_whole_key(owner.cls, name):
        return Key(owner, name)
    return Reference(owner, name) if ctx.world.mappings.referring(owner.cls, name) else UNKNOWN


def _is_with(ctx: Context, cur: Cursor, cls: Class, row: Entity, name: str) -> bool:
    """Whether the row of *cls* that the key *name* of *row* refers to came with it, by an eager load or in one row of a
    query, is the one that *row* was reached from, or one for all rows.
    """
    lineage, origin = ctx.world.names.lineage, row.origin
    if origin is None or not origin.certain:
        return False
    for relation in ctx.world.mappings.referring(row.cls, name):
        if relation.target is not None and (cls in lineage(relation.target) or relation.target in lineage(cls)):
            strategy = strategies.effective(row, origin, relation)
            if strategy in api.EAGER or strategy == "loaded" or row.via == relation.name:
                return True
            if strategies.is_pinned(ctx, row, relation) or strategies.was_read(ctx, cur, row, relation.name):
                return True
    beside = Entity(cls, origin, drawn=row.drawn)
    return not row.steps and any(one == beside for v in cur.env.values() for one in instances.entities(v))


def note_got(cur: Cursor, cls: Class, key: Value | None, pos: Pos) -> None:
    """``get`` was called with *key*: the row is there for the rest of the round."""
    if isinstance(key, Parameter) and key.cls is None:
        entry: Loaded = (*_got(cls, key), pos[:2])
        cur.loaded = cur.loaded | {entry}


def _got(cls: Class, key: Parameter) -> tuple[str, tuple[str, ...]]:
    return f"%got {cls.path}:{cls.qualname}", (key.name, *key.steps)


def _is_fresh(cur: Cursor, sid: Sid | None, row: Entity) -> bool:
    """Whether a row is in the session *sid*, and nothing has expired it."""
    found, owner = instances.known(cur, row), instances.session_of(cur, row)
    if found is None or None not in (sid, owner) and sid != owner:
        return False
    state = found[1]
    return state.expired is None and state.committed is None and (row.made is None or state.saved)


def _is_at_hand(ctx: Context, cur: Cursor, row: Entity) -> bool:
    """Whether a loop that runs now has drawn the row, or a variable holds it: without that it may be gone."""
    if any(loop in ctx.loops for loop in row.drawn):
        return True
    return any(
        row._replace(drawn=()) == one._replace(drawn=()) for v in cur.env.values() for one in instances.entities(v)
    )


def _has_all(cur: Cursor, sid: Sid | None, cls: Class, value: Value) -> bool:
    """Whether a variable holds all rows of *cls*, in a list or by their keys."""
    row = value.item if isinstance(value, Many) else value.value if isinstance(value, Mapping) else None
    if not isinstance(row, Entity) or row.origin is None or row.steps or row.cls is not cls:
        return False
    return not (row.origin.filtered or row.origin.partial or row.origin.single) and _is_fresh(cur, sid, row)
