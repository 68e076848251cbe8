"""What is left of two values where two ways meet."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.row_values import (
    Dynamic,
    Entity,
    Forked,
    LoaderOption,
    Many,
    OneOf,
    Options,
    Origin,
    Pair,
    Query,
    Record,
    Unproved,
    ways_of,
)
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.values import NONE, UNKNOWN, Either, Instance, Literal, Mapping, Parameter
from sqla_lint.lower.nodes import Pos

# Kinds of values that how they are used tells apart.
_SHAPES = frozenset({"many", "pair", "record"})

# What holds no session.
_PLAIN = frozenset({"dynamic", "entity", "forked", "literal", "many", "parameter", "query", "unknown"})
# Ways that are kept apart where they meet.
_MAX_WAYS = 4

_LEAVES_OUT = api.LAZY | {"defer"}


def _is_given(value: Value) -> bool:
    if isinstance(value, Parameter):
        return value.cls is None
    return isinstance(value, Session) and value.sid.owner in ("parameter", "injected")


def is_empty(value: Value) -> bool:
    """Whether a display has no rows: ``[]``, or plain data."""
    return isinstance(value, Many) and value.item == UNKNOWN and value.fixed or value == Pair(())


def unread(value: Value) -> tuple[Sid, Pos, str] | None:
    """The session that *value* or a part will read from, and where the query was made; None if all is read."""
    if isinstance(value, Query) and not value.buffered and value.origin.sid is not None:
        return value.origin.sid, value.origin.pos, value.origin.path
    if isinstance(value, Many):
        return (*value.unread, "") if value.unread is not None else unread(value.item) if value.fixed else None
    parts = value.items if isinstance(value, Pair) else value.values if isinstance(value, Record) else ()
    return next((found for part in parts if (found := unread(part)) is not None), None)


def join(left: Value, right: Value) -> Value:
    """The value that stands for either: the same, the other side of None, else unknown."""
    if left == right:
        return left
    if left == NONE:
        return right
    if right == NONE:
        return left
    if isinstance(left, Session) and isinstance(right, Session) and left.sid.owner == right.sid.owner == "local":
        # A new one either way.
        return left if left.settings == right.settings else UNKNOWN
    for given, made in ((left, right), (right, left)):
        if isinstance(given, Either) and made in (given.given, given.made):
            return given
        if _is_given(given) and isinstance(made, Session) and made.sid.owner == "local":
            return Either(given, made)
        # An empty display and rows: the rows are what matters to whoever iterates.
        if (isinstance(given, (Many, Parameter)) or _is_way(given)) and is_empty(made):
            return given
        if isinstance(given, Instance) and isinstance(made, Instance) and given.path[:1] == ("%module",):
            # A global that is made when it is first asked for.
            if given.cls is made.cls and not made.path:
                return given
    if isinstance(left, Unproved) and isinstance(right, Query):
        left = left.query
    elif isinstance(left, Query) and isinstance(right, Unproved):
        right = right.query
    both = _rows(left, right)
    if both is not None:
        return both
    if isinstance(left, Pair) and isinstance(right, Pair) and len(left.items) == len(right.items):
        return Pair(tuple(join(a, b) for a, b in zip(left.items, right.items)))
    if isinstance(left, Record) and isinstance(right, Record) and left.keys == right.keys:
        return left._replace(values=tuple(join(a, b) for a, b in zip(left.values, right.values)))
    if isinstance(left, Record) and isinstance(right, Mapping) and not left.values:
        return right
    if isinstance(right, Record) and isinstance(left, Mapping) and not right.values:
        return left
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return Mapping(join(left.key, right.key), join(left.value, right.value))
    if isinstance(left, LoaderOption) and isinstance(right, LoaderOption):
        if left.pairs is None or right.pairs is None:
            return LoaderOption(None)
        return LoaderOption(_join_options(left.pairs, right.pairs))
    if isinstance(left, Instance) and isinstance(right, Instance):
        return _objects(left, right)
    for one, other in ((left, right), (right, left)):
        if _is_way(one) and isinstance(other, Literal):
            return one
        if _is_way(one) and (_is_way(other) or _is_handed_in(other)):
            return _forked(left, right)
    if _is_related(left) and _is_related(right):
        return _forked(left, right)
    return _one_of(left, right)


def _rows(left: Value, right: Value) -> Value | None:
    """Two collections, rows or queries as one, where these are of one shape."""
    if isinstance(left, Many) and isinstance(right, Many):
        return Many(join(left.item, right.item), left.single and right.single, left.fixed and right.fixed)
    if isinstance(left, Entity) and isinstance(right, Entity):
        if left._replace(origin=None, made=None) == right._replace(origin=None, made=None):
            return left._replace(origin=_join_origins(left.origin, right.origin), made=None)
    if isinstance(left, Query) and isinstance(right, Query):
        if left._replace(origin=right.origin, row=right.row) == right:
            origin, row = _join_origins(left.origin, right.origin), join(left.row, right.row)
            if origin is None:
                return UNKNOWN
            return right._replace(origin=origin, row=row) if not isinstance(row, Forked) else None
    return None


def _objects(left: Instance, right: Instance) -> Value:
    """Two objects of one class that hold rows: ``Page(rows, total)``."""
    held, other = dict(left.held), dict(right.held)
    if left._replace(held=()) != right._replace(held=()) or held.keys() != other.keys():
        return UNKNOWN
    if any(value.kind not in _PLAIN for value in (*held.values(), *other.values())):
        return UNKNOWN
    return left._replace(held=tuple((name, join(value, other[name])) for name, value in left.held))


def _forked(left: Value, right: Value) -> Value:
    """Rows that came by different steps, or a query and what another gave: each way keeps its own."""
    found: list[Value] = []
    ways = (*ways_of(left), *ways_of(right))
    for way in map(_listed, ways) if any(isinstance(way, Many) for way in ways) else ways:
        for index, other in enumerate(found):
            both = _rows(other, way)
            if both is not None:
                found[index] = both
                break
        else:
            found.append(way)
    if len(found) > _MAX_WAYS:
        return UNKNOWN
    return Forked(tuple(found)) if len(found) > 1 else found[0]


def _is_way(value: Value) -> bool:
    """Whether *value* is a row that a query gave, or what gives such rows."""
    if isinstance(value, Entity):
        return value.origin is not None
    if isinstance(value, (Dynamic, Many, Query)):
        item = value.item if isinstance(value, Many) else value.row
        return any(map(_is_way, item.items)) if isinstance(item, Pair) else _is_way(item)
    return isinstance(value, Forked) and any(map(_is_way, value.ways))


def _listed(value: Value) -> Value:
    """What was handed in, in place of which there may be a collection: it is one as well."""
    is_open = isinstance(value, Parameter) and value.cls is None
    return Many(value._replace(steps=(*value.steps, "[]"))) if is_open and isinstance(value, Parameter) else value


def _is_handed_in(value: Value) -> bool:
    """Whether *value* is what a caller handed in: that one knows the rows."""
    return isinstance(value.item if isinstance(value, Many) else value, Parameter)


def _is_related(value: Value) -> bool:
    """Whether *value* is a row that one which the caller handed in is related to: ``self.author``."""
    return all(isinstance(way, Parameter) and way.cls is not None and bool(way.steps) for way in ways_of(value))


def _one_of(left: Value, right: Value) -> Value:
    """``rows`` where no page is asked for, else ``{"rows": rows, "total": total}``: one of each kind."""
    if left.kind == right.kind != "one-of":
        return UNKNOWN
    found: dict[str, Value] = {}
    for value in (*_shapes(left), *_shapes(right)):
        if value.kind not in _SHAPES:
            return UNKNOWN
        found[value.kind] = join(found[value.kind], value) if value.kind in found else value
    is_known = len(found) > 1 and all(value.kind == kind for kind, value in found.items())
    return OneOf(tuple(value for _, value in sorted(found.items()))) if is_known else UNKNOWN


def _shapes(value: Value) -> tuple[Value, ...]:
    return value.values if isinstance(value, OneOf) else (value,)


def _join_options(left: Options, right: Options) -> Options:
    """What either query loads is taken to be loaded: what one alone leaves out, the other has as it is mapped."""
    return (left | right) - {(path, strategy) for path, strategy in left ^ right if strategy in _LEAVES_OUT}


def _join_origins(left: Origin | None, right: Origin | None) -> Origin | None:
    """Rows of either query have loaded what either loads: what is not certain is not reported."""
    if left is None or right is None:
        return None
    path, pos = min((left.path, left.pos), (right.path, right.pos))
    return Origin(
        path,
        pos,
        _join_options(left.options, right.options),
        left.sid if left.sid == right.sid else None,
        left.single and right.single,
        left.certain and right.certain,
        left.filtered or right.filtered,
        left.pinned | right.pinned,
        left.partial or right.partial,
        left.closed or right.closed,
        (left.places | right.places) - {(path, pos)},
        left.chosen | right.chosen,
    )
