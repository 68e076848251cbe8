"""What a value is: where it came from, as far as it is known.

All values are frozen and compare by content; the last field of each tells its kind apart from others of the same shape.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

from sqla_lint.index.module import Class, Function
from sqla_lint.index.shapes import Shape
from sqla_lint.lower.nodes import Lambda, Pos

LoopId: TypeAlias = tuple[int, int]
# Loader options: (path, strategy) pairs.
Options: TypeAlias = frozenset[tuple[tuple[str, ...], str]]


class Value(Protocol):
    """Any of the kinds below; each is a frozen tuple of its own."""

    @property
    def kind(self) -> str: ...


class Unknown(NamedTuple):
    """Nothing is known."""

    kind: str = "unknown"


UNKNOWN = Unknown()


class Literal(NamedTuple):
    """A constant: None, a bool, a string, an int."""

    value: object
    type: str
    kind: str = "literal"


NONE = Literal(None, "NoneType")
TRUE = Literal(True, "bool")
FALSE = Literal(False, "bool")


class Outside(NamedTuple):
    """Something from outside the project, by its dotted name; *called* if it is what calling that name gave."""

    name: str
    called: bool = False
    kind: str = "outside"


class JinjaTemplate(NamedTuple):
    """What an environment's ``get_template("rows.html")`` gives."""

    name: str
    kind: str = "jinja-template"


class ModuleValue(NamedTuple):
    """A module or folder of the project."""

    definition: object
    kind: str = "module"


class FunctionValue(NamedTuple):
    """A function of the project, bound to *receiver* where it is a method of an instance."""

    function: Function
    receiver: Value | None = None
    kind: str = "function"


class LambdaValue(NamedTuple):
    """A lambda, and the file that it stands in."""

    node: Lambda
    path: str = ""
    kind: str = "lambda"


class ClassValue(NamedTuple):
    cls: Class
    kind: str = "class"


class Instance(NamedTuple):
    """An instance of a class of the project that is not mapped.

    *path* is how the function reaches it (``("self",)``, ``("self", "repo")``), empty for one it made; *held* are
    attributes whose value is known better than the class tells; *sid* is the session it opened for itself, if it is a
    wrapper that owns one.
    """

    cls: Class
    path: tuple[str, ...] = ()
    held: tuple[tuple[str, Value], ...] = ()
    sid: Sid | None = None
    kind: str = "instance"


class Method(NamedTuple):
    """A method of something that is not the project's: ``session.commit``, ``query.filter``, ``rows.append``."""

    receiver: Value
    name: str
    kind: str = "method"


class Parameter(NamedTuple):
    """What the caller handed in, or something reached from it: *steps* are attribute names and ``[]`` for an element.

    *drawn* are the loops of this function that drew it; *cls* is its mapped class where an annotation says so.
    """

    name: str
    steps: tuple[str, ...] = ()
    drawn: tuple[LoopId, ...] = ()
    cls: Class | None = None
    kind: str = "parameter"


# --- sessions --------------------------------------------------------------------------------------------------------


class Settings(NamedTuple):
    """How a session was configured; None where that is not known.

    *flavour* is ``plain``, ``flask`` (Flask-SQLAlchemy's), ``managed`` (the configuration says that somebody closes
    it), ``bound`` (over a connection that somebody else closes), ``final`` (closed for good: it raises when used again)
    or ``connection`` (a connection of an engine: it is followed like a session). *commits* where the project's own
    subclass commits at the end of a ``with``.
    """

    is_async: bool = False
    expire_on_commit: bool | None = True
    autoflush: bool | None = True
    autocommit: bool = False
    flavour: str = "plain"
    commits: bool = False


class Sid(NamedTuple):
    """Which session: *owner* says who must close it.

    ``local``
        created in this function, at *pos*.
    ``parameter``
        handed in by the caller; *path* is the parameter and the attributes from there.
    ``injected``
        handed in by a framework, which closes it.
    ``instance``
        kept on ``self``; *path* is how.
    ``module``
        bound at module level (*path* is file and name).
    ``registry``
        a ``scoped_session`` or Flask-SQLAlchemy's ``db.session``; *path* is file and name.
    ``closure``
        a variable of an enclosing function.
    """

    owner: str
    path: tuple[str, ...]
    pos: Pos | None = None


class Session(NamedTuple):
    sid: Sid
    settings: Settings
    kind: str = "session"


class Factory(NamedTuple):
    """What returns a new session when called. *scope* is set for ``factory.begin`` (a scope with a transaction)."""

    settings: Settings
    kind: str = "factory"


class Registry(NamedTuple):
    """A ``scoped_session`` and the like: calling it, or any method, reaches one session per thread or task."""

    sid: Sid
    settings: Settings
    kind: str = "registry"


class FlaskDb(NamedTuple):
    """Flask-SQLAlchemy's extension object."""

    path: str
    name: str
    settings: Settings
    kind: str = "flask-db"


class Transaction(NamedTuple):
    """What ``session.begin()`` or ``begin_nested()`` returns."""

    sid: Sid
    nested: bool
    pos: Pos
    kind: str = "transaction"


class Scope(NamedTuple):
    """A context manager over a session: entering gives *value*, leaving does what the fields say.

    *on_exit* is what leaving without an exception does; *on_error* what leaving with one does (names: ``close``,
    ``commit``,
    ``rollback``). *swallows* if an exception raised inside does not come out.
    """

    sid: Sid | None
    value: Value
    on_exit: frozenset[str]
    on_error: frozenset[str]
    swallows: bool
    begins: bool
    pos: Pos
    others: tuple[tuple[Sid, frozenset[str], frozenset[str]], ...] = ()
    kind: str = "scope"


class Suppress(NamedTuple):
    """``contextlib.suppress``: *types* are the names it was given; None where they are not known."""

    types: tuple[Value, ...]
    pos: Pos
    kind: str = "suppress"


class AppContext(NamedTuple):
    """Flask's ``app.app_context()``: when it ends, Flask-SQLAlchemy removes its session."""

    kind: str = "app-context"


class Stack(NamedTuple):
    """An ``ExitStack``: what enters it is closed with it."""

    kind: str = "stack"


class Either(NamedTuple):
    """``session or Session()``: what the caller handed in, or, where that is None, a session made here."""

    given: Value
    made: Value
    kind: str = "either"


class Serializer(NamedTuple):
    """What makes plain data of rows, as *shape* says: *how* is ``dump`` (a schema of marshmallow's, of *many* rows by
    itself), ``adapter`` (Pydantic's ``TypeAdapter``) or ``class`` (a generic model with its arguments).
    """

    shape: Shape
    how: str
    many: bool = False
    kind: str = "serializer"


class Partial(NamedTuple):
    """``partial(func, *args, **kwargs)``."""

    func: Value
    args: tuple[Value, ...]
    kwargs: tuple[tuple[str, Value], ...]
    kind: str = "partial"


class Getter(NamedTuple):
    """``operator.attrgetter("a.b")``: calling it reads the attributes one after the other."""

    paths: tuple[str, ...]
    kind: str = "getter"


class Caller(NamedTuple):
    """``operator.methodcaller("to_dict")``: calling it calls that method."""

    name: str
    args: tuple[Value, ...] = ()
    kwargs: tuple[tuple[str, Value], ...] = ()
    kind: str = "caller"


class Engine(NamedTuple):
    pos: Pos | None
    is_async: bool = False
    autocommit: bool = False
    kind: str = "engine"


class Connection(NamedTuple):
    pos: Pos | None
    kind: str = "connection"


# --- rows ------------------------------------------------------------------------------------------------------------


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


class Key(NamedTuple):
    """The primary key of a row: as long as somebody holds the row, ``get`` finds it without a statement."""

    row: Entity | Parameter
    name: str
    kind: str = "key"


class Record(NamedTuple):
    """A dict display with its values; *keys* are the literal ones, None for others."""

    values: tuple[Value, ...]
    keys: tuple[object, ...] = ()
    kind: str = "record"


class Mapping(NamedTuple):
    key: Value
    value: Value
    kind: str = "mapping"


class Awaitable(NamedTuple):
    """A coroutine that was called and not awaited: awaiting gives *value*."""

    value: Value
    kind: str = "awaitable"


def _is_given(value: Value) -> bool:
    if isinstance(value, Parameter):
        return value.cls is None
    return isinstance(value, Session) and value.sid.owner in ("parameter", "injected")


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
        if _is_given(given) and isinstance(made, Session) and made.sid.owner == "local":
            return Either(given, made)
    if isinstance(left, Many) and isinstance(right, Many):
        # An empty display and rows: the rows are what matters to whoever iterates.
        if left.item == UNKNOWN and left.fixed:
            return right
        if right.item == UNKNOWN and right.fixed:
            return left
        return Many(join(left.item, right.item), left.single and right.single, left.fixed and right.fixed)
    if isinstance(left, Entity) and isinstance(right, Entity):
        if left._replace(origin=None, made=None) == right._replace(origin=None, made=None):
            return left._replace(origin=_join_origins(left.origin, right.origin), made=None)
    if isinstance(left, Unproved) and isinstance(right, Query):
        left = left.query
    elif isinstance(left, Query) and isinstance(right, Unproved):
        right = right.query
    if isinstance(left, Query) and isinstance(right, Query):
        if left._replace(origin=right.origin, row=right.row) == right:
            origin = _join_origins(left.origin, right.origin)
            row = join(left.row, right.row)
            return right._replace(origin=origin, row=row) if origin is not None else UNKNOWN
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
    return UNKNOWN


def _join_options(left: Options, right: Options) -> Options:
    """What either query loads is taken to be loaded: what one alone leaves out, the other has."""
    return (left | right) - {(path, strategy) for path, strategy in left ^ right if strategy == "defer"}


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
