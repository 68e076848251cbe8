"""Values that have to do with rows: mapped instances and where they came from, queries, collections, loader options."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sqla_lint.flow.terms.basis import LoopId, Sid, Value
from sqla_lint.flow.terms.values import Parameter
from sqla_lint.index.module import Class
from sqla_lint.lower.nodes import Pos

# Loader options: (path, strategy) pairs.
Options: TypeAlias = frozenset[tuple[tuple[str, ...], str]]


class Origin(NamedTuple):
    """Where rows came from: the query's position, its session and the loader options on it.

    *options* are (path, strategy) pairs, a path being the relationship names from the row. *single* if it gives one row
    at most; *certain* is False where an option could not be read; *filtered* if it may leave rows of the class out;
    *pinned* are the (class, column) pairs that have one value in all rows; *chosen* those whose values are the keys (by
    that name) of objects that the callers hold; *partial* if it asks for a part of the rows
    (``limit``), or for more than to see them (``FOR UPDATE``); *others* are the
    files and positions of other queries that the rows may come from as well. *closed* if its session
    was closed before the rows came here.
    """

    path: str
    pos: Pos
    options: Options = frozenset()
    sid: Sid | None = None
    single: bool = False
    certain: bool = True
    filtered: bool = False
    pinned: frozenset[tuple[Class, str]] = frozenset()
    partial: bool = False
    closed: bool = False
    others: frozenset[tuple[str, Pos]] = frozenset()
    chosen: frozenset[tuple[Class, str, str]] = frozenset()

    @property
    def places(self) -> frozenset[tuple[str, Pos]]:
        """The files and positions of all queries that the rows may come from."""
        return self.others | {(self.path, self.pos)}


class Entity(NamedTuple):
    """An instance of a mapped class: a row of *origin*, or what *steps* of relationships lead to from there.

    *drawn* are the loops that drew it, innermost last; *origin* is None for an instance not drawn from a query.
    *via* is the inverse of the relationship that it came out of: reading that leads back to *parent* without a
    statement. *made* is where this code built it (file and position), or merged it.
    """

    cls: Class
    origin: Origin | None
    steps: tuple[str, ...] = ()
    drawn: tuple[LoopId, ...] = ()
    via: str | None = None
    parent: Entity | None = None
    made: tuple[str, Pos] | None = None
    kind: str = "entity"


class AwaitableAttrs(NamedTuple):
    """``row.awaitable_attrs``."""

    owner: Entity
    kind: str = "awaitable-attrs"


class ModelAttribute(NamedTuple):
    """``Owner.pets``: an attribute of a mapped class itself."""

    cls: Class
    name: str
    kind: str = "model-attribute"


class Criterion(NamedTuple):
    """``Owner.id == value``, ``Owner.id.is_(None)``: a query that filters by it has one value of that column in
    all its rows. *keys* is the name of the key that ``Pet.owner_id.in_([owner.id for owner in given])`` takes of what
    the function was handed.
    """

    cls: Class
    name: str
    keys: str | None = None
    kind: str = "criterion"


class Subselect(NamedTuple):
    """``something.subquery()`` of what is not known, or a condition made of it: its rows may have any one parent."""

    kind: str = "subselect"


# Stands for any column that all rows of a query may have one value of.
ANY_COLUMN = "%any"


class Alias(NamedTuple):
    """``aliased(Owner)``."""

    cls: Class
    kind: str = "alias"


class Query(NamedTuple):
    """A ``Query``, a ``Select`` or a lazy result: *row* is what iterating it gives.

    *executed* is False for a bare ``Select``; *wraps* if rows come as one-tuples (``session.execute(select(Owner))``);
    *single* if it can give one row at most; *buffered* if all rows were fetched when it was made (an
    ``AsyncSession``'s results); *counted* is False where its session cannot be seen: it may be a new one each time.
    """

    row: Value
    origin: Origin
    executed: bool
    wraps: bool = False
    single: bool = False
    buffered: bool = False
    counted: bool = True
    kind: str = "query"


class Unproved(NamedTuple):
    """What ``something.query(Owner)`` gave: *query*, if that was a session; what it is asked next tells."""

    query: Query
    kind: str = "unproved"


class LoaderOption(NamedTuple):
    """``joinedload(Owner.pets).selectinload(Pet.visits)``: (path, strategy) pairs; *end* is the path so far; None:
    not known.
    """

    pairs: Options | None
    end: tuple[str, ...] = ()
    cls: Class | None = None
    kind: str = "loader-option"


class Dynamic(NamedTuple):
    """What a ``lazy="dynamic"`` or write-only relationship gives: a query, not a collection."""

    row: Value
    kind: str = "dynamic"


class Many(NamedTuple):
    """A collection (or lazy iterator) of *item*; *single* if it has one item at most; *fixed* for a literal display.

    *unread* is set for a lazy iterator over a query: (its session, where it was made). *parts* are the instances that a
    display names one by one.
    """

    item: Value
    single: bool = False
    fixed: bool = False
    unread: tuple[Sid, Pos] | None = None
    parts: tuple[Value, ...] = ()
    kind: str = "many"


class Pair(NamedTuple):
    """A tuple of known length."""

    items: tuple[Value, ...]
    kind: str = "pair"

    def named(self, name: str) -> Entity | None:
        """``row.User`` of a named row: the column of that name."""
        return next((item for item in self.items if isinstance(item, Entity) and item.cls.name == name), None)


class OneOf(NamedTuple):
    """A list, a tuple or a dict, as many as a function may give: how it is used tells which."""

    values: tuple[Value, ...]
    kind: str = "one-of"

    def of(self, *kinds: str) -> Value | None:
        """The only one of some kinds; None if there are several, or none."""
        found = [value for value in self.values if value.kind in kinds]
        return found[0] if len(found) == 1 else None


class Forked(NamedTuple):
    """A row, or a query, that came by one of several ways: what is asked of it is asked of each. Or one of several
    names that are written down.
    """

    ways: tuple[Value, ...]
    kind: str = "forked"

    @property
    def collections(self) -> tuple[Value, ...]:
        """Those that can be gone through: a single row cannot, so that it is not there where they are."""
        return tuple(way for way in self.ways if not isinstance(way, Entity))


def ways_of(value: Value) -> tuple[Value, ...]:
    """What a value may be, whichever way was taken."""
    return value.ways if isinstance(value, Forked) else (value,)


class Key(NamedTuple):
    """The primary key of a row: as long as somebody holds the row, ``get`` finds it without a statement."""

    row: Entity | Parameter
    name: str
    kind: str = "key"


class Reference(NamedTuple):
    """A foreign key of a row: where the row has what it refers to, ``get`` finds that without a statement."""

    row: Entity | Parameter
    name: str
    kind: str = "reference"


class Record(NamedTuple):
    """A dict display with its values; *keys* are the literal ones, None for others."""

    values: tuple[Value, ...]
    keys: tuple[object, ...] = ()
    kind: str = "record"
