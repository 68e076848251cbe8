"""Whether a relationship or column of a row is loaded: what the query's options and the mapping say of it."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes import instances
from sqla_lint.flow.reading import held_keys, parents
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context, dotted
from sqla_lint.flow.terms.row_values import ANY_COLUMN, Entity, Many, Origin
from sqla_lint.flow.terms.state import CLOSED, Cursor
from sqla_lint.index.mapped import Relationship
from sqla_lint.index.module import Class
from sqla_lint.lower import nodes as n

# Stands in an option's path for all columns of the class there.
ALL_COLUMNS = "%columns"


# Stands in a path that is known to be loaded for all relationships of the class there.
RELATIONSHIPS = "%relationships"
# A step for whatever a row leads to, in any number of steps.
ALL_BELOW = "%all"


# In place of the loop that read a relationship: it was read of one row, which says nothing of the others.
ONE_ROW = (0, 0)


# It was read of every row, by a function that loops over them.
EACH_ROW = (0, 1)


# How many relationships a value is followed through.
MAX_STEPS = 6


def load_status(ctx: Context, cur: Cursor, owner: Entity, relation: Relationship) -> str:
    """``lazy`` if reading *relation* of *owner* sends a statement, ``loaded`` if not, ``pinned``, ``dynamic``,
    or ``unknown``.
    """
    origin = owner.origin
    if relation.lazy in api.DYNAMIC:
        return "dynamic"
    if origin is None or not origin.certain or len(owner.steps) >= MAX_STEPS:
        return "unknown"
    if owner.via == relation.name and relation.many is not True:
        return "loaded"
    found = _by_key(ctx, cur, owner, relation, origin) if relation.many is False else None
    if found is not None:
        return found
    if origin.closed or origin.sid is not None and _is_closed(cur, origin.sid):
        return "unknown"
    if was_read(ctx, cur, owner, relation.name) or was_read(ctx, cur, owner, RELATIONSHIPS):
        return "loaded"
    strategy = effective(owner, origin, relation)
    if strategy is None:
        return "unknown"
    if strategy in api.LAZY:
        return "unknown" if _is_loaded_beside(ctx, owner, origin, relation.name) else "lazy"
    return "loaded"


def _by_key(ctx: Context, cur: Cursor, owner: Entity, relation: Relationship, origin: Origin) -> str | None:
    """What is known of a many-to-one by its key alone: one parent of all rows, or one that the session holds."""
    keys = ctx.world.mappings.foreign_keys(owner.cls, relation) if origin.options else frozenset()
    if any(column_status(ctx, owner, key) == "lazy" for key in keys):
        # The key is not there itself: a statement for each row fetches it first, unless the row was there before.
        if not any(cls is owner.cls and pos != origin.pos for cls, pos, _ in cur.held):
            return None
    for row in held_keys.given_before(ctx, cur, owner):
        if any(column_status(ctx, row, key) == "lazy" for key in ctx.world.mappings.foreign_keys(owner.cls, relation)):
            return None
    if is_pinned(ctx, owner, relation):
        return "pinned"
    if _is_chosen(ctx, owner, relation, origin):
        return "loaded"
    if relation.target is not None and parents.are_held(ctx, cur, owner, relation, origin):
        # The one-to-one inverse of a key is asked for, whatever the session holds.
        return None if ctx.world.mappings.keys.are_behind(owner.cls, relation.target) else "loaded"
    return None


def _is_loaded_beside(ctx: Context, owner: Entity, origin: Origin, name: str) -> bool:
    """Whether the query loads *name* along a path that may lead to the same rows: of another entity that it asks for,
    or there and back again.
    """
    return not owner.steps and any(
        len(path) > 1
        and path[-1] == name
        and strategy in api.EAGER
        and (ctx.world.mappings.relationship(owner.cls, path[0]) is None or _is_return(ctx, owner.cls, path[:-1]))
        for path, strategy in origin.options
    )


def _is_return(ctx: Context, cls: Class, path: tuple[str, ...]) -> bool:
    """Whether a path leads along a relationship and back by its inverse: the row itself is among those reached."""
    there = ctx.world.mappings.relationship(cls, path[0]) if len(path) == 2 else None
    back = ctx.world.mappings.relationship(there.target, path[1]) if there is not None and there.target else None
    return there is not None and back is not None and (there.inverse == back.name or back.inverse == there.name)


def was_read(ctx: Context, cur: Cursor, owner: Entity, name: str) -> bool:
    """Whether another loop over the same rows read *name* of each."""
    below = (owner.steps[:depth] for depth in range(len(owner.steps) + 1))
    paths = ((*owner.steps, name), (*owner.steps, "*"), *((*steps, ALL_BELOW) for steps in below))
    loops = (ONE_ROW, *ctx.loops)
    return owner.origin is not None and any(
        e[0] == owner.origin.pos and e[1] in paths and e[2] not in loops for e in cur.loaded
    )


def effective(owner: Entity, origin: Origin, relation: Relationship) -> str | None:
    """The strategy that loads *relation*: the query's, else the mapping's; None where it is not known."""
    strategy = _strategy(origin.options, owner.steps, relation.name)
    if strategy is None:
        strategy = relation.lazy
        if strategy == "joined" and relation.target is owner.cls and not relation.join_depth:
            # SQLAlchemy stops eager joins at the class itself unless join_depth is given: one statement a row.
            strategy = "select"
    return strategy


def leads_nowhere(owner: Entity, relation: Relationship) -> bool:
    """Whether *relation* is never loaded: there are no rows beyond it, unless the code has set it itself."""
    return owner.origin is not None and effective(owner, owner.origin, relation) in api.NEVER


def sends(ctx: Context, cur: Cursor, owner: Entity, name: str, relation: Relationship | None) -> bool:
    """Whether reading a relationship or deferred column sends a statement (or would, were the session not closed)."""
    origin = owner.origin
    if origin is None or not origin.certain:
        return False
    if not instances.is_closed(cur, owner):
        if relation is not None:
            status = load_status(ctx, cur, owner, relation)
            if status == "pinned" and not parents.are_held(ctx, cur, owner, relation, origin):
                return effective(owner, origin, relation) in api.LAZY
            return status == "lazy"
        return column_cost(ctx, cur, owner, name) == "lazy"
    names = (name, "*") if relation is None else (name, "*", RELATIONSHIPS)
    if any(e[0] == origin.pos and e[1] in [(*owner.steps, one) for one in names] for e in cur.loaded):
        return False
    if relation is None:
        return column_status(ctx, owner, name) == "lazy"
    # The identity map is of no use any more: also a many-to-one whose target the session held must have been loaded.
    inverse = owner.via == name and relation.many is not True
    return not inverse and relation.lazy not in api.DYNAMIC and effective(owner, origin, relation) in api.LAZY


def is_pinned(ctx: Context, owner: Entity, relation: Relationship) -> bool:
    """Whether the query gives all its rows the same parent: one statement for all of them, if any."""
    origin, target = owner.origin, relation.target
    if origin is None or target is None or not origin.pinned:
        return False
    mappings = ctx.world.mappings
    keys = mappings.foreign_keys(owner.cls, relation)
    for cls, name in origin.pinned:
        if cls in mappings.lineage(owner.cls) and (name in (relation.name, ANY_COLUMN) or name in keys):
            return True
        if not owner.steps and cls in mappings.lineage(target) and mappings.is_unique(cls, name):
            return True
    return False


def has_no_key(ctx: Context, node: n.Attribute, cls: Class) -> bool:
    """``pet.owner_id or pet.owner.id``: where the key of a many-to-one is missing, there is nothing to load."""
    row, relation = dotted(node.value), ctx.world.mappings.relationship(cls, node.attr)
    if row is None or relation is None or not ctx.guards:
        return False
    missing = {dotted(guard.test) for guard in ctx.guards if guard.test is not None and not guard.outcome}
    return any(f"{row}.{key}" in missing for key in ctx.world.mappings.foreign_keys(cls, relation))


def hold_one(ctx: Context, cur: Cursor, value: Value) -> None:
    """A callee gave a row that it fetched for this round of a loop: the session holds it from here on.

    That others may be there as well (``theirs``) says nothing of which parents are.
    """
    row = value.item if isinstance(value, Many) else value
    if not isinstance(row, Entity) or row.origin is None:
        return
    if ctx.loops and row is value and not row.steps:
        cur.held = cur.held | {(row.cls, row.origin.pos, "one")}
    elif row.origin.sid is not None and ctx.is_async(row.origin.sid):
        cur.held = cur.held | {(row.cls, row.origin.pos, "theirs")}


def _is_chosen(ctx: Context, owner: Entity, relation: Relationship, origin: Origin) -> bool:
    """Whether the query asks for rows whose parents the callers hold: it was made of those parents' keys."""
    if not origin.chosen or relation.target is None:
        return False
    mappings, columns = ctx.world.mappings, ctx.world.columns
    keys = mappings.foreign_keys(owner.cls, relation)
    return any(
        cls in mappings.lineage(owner.cls) and name in keys and columns.is_whole_key(relation.target, key)
        for cls, name, key in origin.chosen
    )


def _is_closed(cur: Cursor, sid: object) -> bool:
    state = cur.sessions.get(sid)  # type: ignore[call-overload]
    return state is not None and state.status == CLOSED


def _strategy(options: frozenset[tuple[tuple[str, ...], str]], steps: tuple[str, ...], name: str) -> str | None:
    """What the query's options say of one relationship; an eager one wins over a lazy one (it may stand on another
    branch).
    """
    # A wildcard that stands by itself goes on to what the query loads as well. What is loaded lazily on the way is a
    # query of its own, which it is not handed to.
    found, one_query = None, True
    for i, step in enumerate((*steps, name)):
        found = _said(options, steps[:i], step, one_query)
        one_query = one_query and found not in api.LAZY
    return found


def _said(
    options: frozenset[tuple[tuple[str, ...], str]], steps: tuple[str, ...], name: str, one_query: bool
) -> str | None:
    """What the options say of the step *name* behind *steps*, which the same query loads if *one_query*."""
    for wanted in ((*steps, name), (*steps, "*"), *([("*",)] if one_query else [])):
        found = sorted(strategy for path, strategy in options if path == wanted and strategy not in api.COLUMN_LOADS)
        if found:
            return next((s for s in found if s not in api.LAZY), found[0])
    return None


def column_status(ctx: Context, owner: Entity, name: str) -> str | None:
    """``lazy`` where the mapping or the query leaves a column out: read per row, it costs a statement a row.

    None for what is no column, or one that is always there.
    """
    mappings, origin = ctx.world.mappings, owner.origin
    mapped = mappings.mapped(owner.cls)
    deferred = mapped is not None and name in mapped.deferred
    options = origin.options if origin is not None else frozenset()
    said = {strategy for path, strategy in options if path == (*owner.steps, name)} & api.COLUMN_LOADS
    wild = ((*owner.steps, ALL_COLUMNS), (*owner.steps, "*"))
    said = said or {strategy for path, strategy in options if path in wild} & api.COLUMN_LOADS
    if not deferred and ("defer" not in said or not ctx.world.columns.is_deferrable(owner.cls, name)):
        return None
    if origin is None or not origin.certain or (wild[0], "unknown") in options:
        return "unknown"
    return "loaded" if "undefer" in said else "lazy"


def column_cost(ctx: Context, cur: Cursor, owner: Entity, name: str) -> str | None:
    """:func:`column_status` of a read here: what another loop has read of the rows is there."""
    status = column_status(ctx, owner, name)
    if status == "lazy" and (_comes_back(ctx, owner, name) or _is_held_whole(ctx, cur, owner, name)):
        return "unknown"
    return "loaded" if status == "lazy" and was_read(ctx, cur, owner, name) else status


def _is_held_whole(ctx: Context, cur: Cursor, owner: Entity, name: str) -> bool:
    """Whether another query has loaded rows of the class: those that are held keep what they have."""
    mapped = ctx.world.mappings.mapped(owner.cls)
    if owner.origin is None or mapped is None or name in mapped.deferred:
        return False
    return any(cls is owner.cls and pos != owner.origin.pos for cls, pos, _ in cur.held)


def _comes_back(ctx: Context, owner: Entity, name: str) -> bool:
    """Whether eager loads lead back to rows of the same class: these bring all columns that the mapping does."""
    mapped = ctx.world.mappings.mapped(owner.cls)
    if owner.origin is None or owner.steps or mapped is None or name in mapped.deferred:
        return False
    eager = [path for path, strategy in owner.origin.options if strategy in api.EAGER]
    return any(_reaches(ctx, owner, owner.origin, path) is owner.cls for path in eager)


def _reaches(ctx: Context, owner: Entity, origin: Origin, path: tuple[str, ...]) -> Class | None:
    """The class that an option's path leads to; None where the query loads a step of it lazily: that ends it."""
    target: Class | None = owner.cls
    for i, name in enumerate(path):
        relation = ctx.world.mappings.relationship(target, name) if target is not None else None
        lazily = relation is None or (_strategy(origin.options, path[:i], name) or relation.lazy) in api.LAZY
        target = None if relation is None or lazily else relation.target
    return target
