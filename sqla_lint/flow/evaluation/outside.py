"""Calls of names from outside the project: SQLAlchemy's own,
and those of the standard library and frameworks that matter here.
"""

from __future__ import annotations

from collections.abc import Callable

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.lifetimes import instances, ownership, sessions, usage, waits
from sqla_lint.flow.reading import drawing, iterators, loading, queries, rows
from sqla_lint.flow.terms import configure, sql_texts
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import Alias, Entity, LoaderOption, Many, Pair, Record
from sqla_lint.flow.terms.session_values import Engine, Factory, FlaskDb, Registry, Scope, Session
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import (
    UNKNOWN,
    ClassValue,
    FunctionValue,
    LambdaValue,
    Literal,
    Mapping,
    Method,
    Outside,
    Partial,
    Stack,
    Suppress,
)
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

Handler = Callable[[Context, Cursor, list[Value], dict[str, Value], Pos], Value]

# Calls that never return. By dotted name, then by last name where the framework has many homes for it.
NEVER_RETURNS = frozenset(
    {
        "sys.exit", "os._exit", "os.abort", "builtins.exit", "builtins.quit", "flask.abort",
        "werkzeug.exceptions.abort", "flask_restful.abort", "flask_restx.abort", "flask_smorest.abort",
        "quart.abort", "bottle.abort", "pytest.fail", "pytest.skip", "pytest.exit", "pytest.xfail", "aiohttp.web.abort",
    }
)  # fmt: skip

# Calls that neither keep nor close what they are given, and do not raise as far as this analysis cares.
_HARMLESS = frozenset(
    {
        "print", "len", "isinstance", "issubclass", "str", "repr", "bool", "type", "id", "hash", "hasattr", "callable",
        "vars", "dir", "format", "abs", "round", "range", "super", "globals", "locals", "object",
    }
)  # fmt: skip
# Those of them that ask an object for its text or contents, which may read any of its attributes.
_READS = frozenset({"print", "str", "repr", "format", "vars"})
_LOGGING = frozenset({"logging", "loguru", "structlog", "warnings"})


def call(
    ctx: Context,
    cur: Cursor,
    func: Outside,
    args: list[Value],
    kwargs: dict[str, Value],
    pos: Pos,
    node: n.Call | None,
) -> Value:
    """Call a name from outside the project."""
    from sqla_lint.flow.evaluation import calls
    from sqla_lint.flow.reading import texts
    from sqla_lint.flow.rendering import renderings, serializing

    name = func.name
    if name in NEVER_RETURNS or (
        name.endswith(".abort") and not func.called and name.split(".")[0].startswith("flask")
    ):
        calls.unknown(ctx, cur, args, kwargs, pos)
        cur.dead = not ctx.static
        return UNKNOWN
    if not func.called and ctx.world.is_session_scope(name):
        return sessions.configured_scope(ctx, cur, pos)
    handler = _HANDLERS.get(name)
    if handler is not None:
        return handler(ctx, cur, args, kwargs, pos)
    package = name.split(".", 1)[0]
    if package in _LOGGING or (package == "builtins" and name[9:] in _HARMLESS):
        if package in _LOGGING or name[9:] in _READS:
            for value in (*args, *kwargs.values()):
                instances.shared(ctx, cur, value)
        texts.shown_by(ctx, cur, name.rpartition(".")[2], args, pos)
        return Outside(name, True) if package in _LOGGING else UNKNOWN
    serialized = serializing.outside(ctx, cur, func, args, kwargs, node)
    if serialized is not None:
        return serialized
    meaning = api.meaning(name) if not func.called else None
    if meaning is not None:
        return _sqlalchemy(ctx, cur, meaning, name, args, kwargs, pos)
    rendered = renderings.call(ctx, cur, func, args, kwargs, pos, node)
    if rendered is not None:
        return rendered
    calls.unknown(ctx, cur, args, kwargs, pos)
    waited = waits.outside(ctx, cur, func, args, kwargs, pos, node)
    return waited if waited is not None else Outside(name, True)


# --- SQLAlchemy ------------------------------------------------------------------------------------------------------


def _sqlalchemy(
    ctx: Context, cur: Cursor, meaning: str, name: str, args: list[Value], kwargs: dict[str, Value], pos: Pos
) -> Value:
    if meaning in ("session-class", "async-session-class"):
        settings = configure.overridden(configure.of_class(meaning), kwargs)
        return sessions.create(ctx, cur, configure.bound(settings, args, kwargs), pos)
    if meaning in ("sessionmaker", "async-sessionmaker"):
        return Factory(configure.bound(configure.of_factory(meaning, kwargs), args, kwargs))
    if meaning in ("scoped-session", "async-scoped-session"):
        settings = args[0].settings if args and isinstance(args[0], Factory) else configure.of_class(meaning)
        return Registry(Sid("registry", (ctx.path,), pos), settings)
    if meaning in ("create-engine", "create-async-engine"):
        return Engine(
            pos, meaning == "create-async-engine", kwargs.get("isolation_level") == Literal("AUTOCOMMIT", "str")
        )
    if meaning == "flask-sqlalchemy":
        return FlaskDb(ctx.path, f"{pos[0]}:{pos[1]}", configure.of_flask(kwargs))
    if meaning == "select":
        if len(args) == 1 and isinstance(args[0], Many):
            args = [UNKNOWN]
        return queries.make(ctx, args, pos, None, wraps=True)
    if meaning == "aliased":
        return Alias(args[0].cls) if args and isinstance(args[0], ClassValue) else UNKNOWN
    if meaning == "load-class":
        return LoaderOption(frozenset())
    if meaning.startswith("load:"):
        return queries.option(meaning[5:], args, kwargs)
    if meaning == "text":
        return sql_texts.made(args)
    if meaning == "query-class":
        return queries.make(ctx, _entities(args), pos, _query_session(args, kwargs), wraps=False)
    return Outside(name, True)


def _conditions(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    """``and_``: all of them hold."""
    return Pair(tuple(args))


def _entities(args: list[Value]) -> list[Value]:
    first = args[0] if args else UNKNOWN
    if isinstance(first, Pair):
        return list(first.items)
    return [first.item] if isinstance(first, Many) else [first]


def _query_session(args: list[Value], kwargs: dict[str, Value]) -> Sid | None:
    found = kwargs.get("session", args[1] if len(args) > 1 else UNKNOWN)
    return found.sid if isinstance(found, (Session, Registry)) else None


# --- the standard library --------------------------------------------------------------------------------------------


def _same(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    return rows.rows_of(ctx, cur, args[0], pos) if args else Many(UNKNOWN, fixed=True)


def _lazily_same(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    return rows.lazily(args[0] if args else UNKNOWN, _same(ctx, cur, args, kwargs, pos))


def _iter(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    return args[0] if args else UNKNOWN


def _sorted(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    listed = _same(ctx, cur, args, kwargs, pos)
    if "key" in kwargs:
        rows.drawn_calls(ctx, cur, kwargs["key"], listed, pos, pos)
    return listed


def _item(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    """``min``, ``max`` of a collection: one of its items."""
    listed = _sorted(ctx, cur, args, kwargs, pos)
    return listed.item if isinstance(listed, Many) and len(args) == 1 else UNKNOWN


def _enumerate(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    listed = rows.rows_of(ctx, cur, args[0], pos) if args else UNKNOWN
    item = listed.item if isinstance(listed, Many) else _element(listed)
    single = isinstance(listed, Many) and (listed.single or listed.fixed)
    return rows.lazily(args[0] if args else UNKNOWN, Many(Pair((UNKNOWN, item)), single=single))


def _element(value: Value) -> Value:
    from sqla_lint.flow.terms.values import Parameter

    return value._replace(steps=(*value.steps, "[]")) if isinstance(value, Parameter) and value.cls is None else UNKNOWN


def _zip(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    listed = [rows.rows_of(ctx, cur, arg, pos) for arg in args]
    return Many(Pair(tuple(one.item if isinstance(one, Many) else _element(one) for one in listed)))


def _map(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    if len(args) != 2:
        return UNKNOWN
    return rows.lazily(args[1], Many(rows.drawn_calls(ctx, cur, args[0], args[1], pos, pos)))


def _filter(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    if len(args) != 2:
        return UNKNOWN
    rows.drawn_calls(ctx, cur, args[0], args[1], pos, pos)
    return rows.lazily(args[1], rows.rows_of(ctx, cur, args[1], pos))


def _chain(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    result: Value | None = None
    for arg in args:
        listed = rows.rows_of(ctx, cur, arg, pos)
        result = listed if result is None else join(result, listed)
    return result if result is not None else UNKNOWN


def _groupby(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    listed = rows.rows_of(ctx, cur, args[0], pos) if args else UNKNOWN
    key = args[1] if len(args) > 1 else kwargs.get("key", UNKNOWN)
    rows.drawn_calls(ctx, cur, key, listed, pos, pos)
    return Many(Pair((UNKNOWN, listed)))


def _next(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    listed = rows.rows_of(ctx, cur, args[0], pos) if args else UNKNOWN
    if not isinstance(listed, Many):
        return UNKNOWN
    return listed.item if listed.single else drawing.taken(ctx, listed.item)


def _dict(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], _pos: Pos) -> Value:
    for value in (*args, *kwargs.values()):
        ownership.release(ctx, cur, value)
    if not args:
        return Record(tuple(kwargs.values()), tuple(kwargs))
    listed = args[0]
    if isinstance(listed, Many) and isinstance(listed.item, Pair) and len(listed.item.items) == 2:
        return Mapping(*listed.item.items)
    return listed if isinstance(listed, Mapping) else UNKNOWN


def _defaultdict(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    collection = args[:1] in ([Outside("builtins.list")], [Outside("builtins.set")])
    return Mapping(UNKNOWN, Many(UNKNOWN, fixed=True)) if collection else Record(())


def _flattened(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    """``chain.from_iterable(collections)``."""
    listed = rows.rows_of(ctx, cur, args[0], pos) if args else UNKNOWN
    return listed.item if isinstance(listed, Many) and isinstance(listed.item, Many) else UNKNOWN


def _product(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    """``product(rows, others)``: a tuple of an item of each."""
    return _zip(ctx, cur, args, kwargs, pos) if args and not kwargs else UNKNOWN


def _starmap(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    if len(args) != 2:
        return UNKNOWN
    return Many(rows.drawn_calls(ctx, cur, args[0], args[1], pos, pos, spread=True))


def _getattr(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    if len(args) >= 2 and isinstance(args[1], Literal) and isinstance(args[1].value, str):
        nowhere = n.Opaque(pos)
        return loading.attribute(ctx, cur, n.Attribute(pos, nowhere, args[1].value), args[0])
    return UNKNOWN


def _hasattr(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    """``hasattr`` reads the attribute."""
    _getattr(ctx, cur, args, kwargs, pos)
    return UNKNOWN


def _set_committed(_ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    """``set_committed_value(row, "pets", [...])``: that is what is loaded."""
    if len(args) == 3 and isinstance(args[0], Entity) and isinstance(args[1], Literal):
        loading.note_set(cur, args[0], str(args[1].value))
    return UNKNOWN


def _setattr(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    if len(args) == 3 and isinstance(args[0], Entity) and isinstance(args[1], Literal):
        usage.written(ctx, cur, args[0], str(args[1].value), pos)
    elif args:
        instances.shared(ctx, cur, args[0])
    for value in args[2:]:
        ownership.release(ctx, cur, value)
        instances.shared(ctx, cur, value)
    return UNKNOWN


def _closing(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    from sqla_lint.flow.lifetimes import scopes

    return scopes.closing(ctx, cur, args[0], pos) if args else UNKNOWN


def _suppress(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    return Suppress(tuple(args), pos)


def _stack(_ctx: Context, _cur: Cursor, _args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    return Stack()


def _nullcontext(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    nothing: frozenset[str] = frozenset()
    return Scope(None, args[0] if args else UNKNOWN, nothing, nothing, False, False, pos)


def _partial(_ctx: Context, _cur: Cursor, args: list[Value], kwargs: dict[str, Value], _pos: Pos) -> Value:
    """A ``partial`` of a factory, or of a session class, is a factory."""
    if args and isinstance(args[0], Factory):
        return args[0]
    if args and isinstance(args[0], Outside):
        meaning = api.meaning(args[0].name)
        if meaning in ("session-class", "async-session-class"):
            return Factory(configure.overridden(configure.of_class(meaning), kwargs))
    if args and isinstance(args[0], (FunctionValue, LambdaValue, Method, ClassValue)):
        return Partial(args[0], tuple(args[1:]), tuple(sorted(kwargs.items())))
    return UNKNOWN


def _cast(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    return args[1] if len(args) > 1 else UNKNOWN


def _contextmanager(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    """``contextmanager(get_db)``: calling that is entering the generator's scope."""
    return args[0]._replace(kind="context-manager") if args and isinstance(args[0], FunctionValue) else UNKNOWN


def _any(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    if args:
        rows.rows_of(ctx, cur, args[0], pos)
    return UNKNOWN


def _object_session(_ctx: Context, _cur: Cursor, _args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    return UNKNOWN


def _make_transient(_ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    """``make_transient(x)`` takes it out of its session."""
    for value in args:
        instances.spared(cur, value)
    return UNKNOWN


_HANDLERS: dict[str, Handler] = {
    "sqlalchemy.and_": _conditions,
    "sqlalchemy.sql.and_": _conditions,
    "sqlalchemy.orm.make_transient": _make_transient,
    "builtins.list": _same,
    "builtins.tuple": _same,
    "builtins.set": _same,
    "builtins.frozenset": _same,
    "builtins.reversed": _same,
    "builtins.iter": _iter,
    "builtins.sorted": _sorted,
    "builtins.min": _item,
    "builtins.max": _item,
    "builtins.sum": _any,
    "builtins.any": _any,
    "builtins.all": _any,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.next": _next,
    "builtins.dict": _dict,
    "builtins.getattr": _getattr,
    "builtins.hasattr": _hasattr,
    "builtins.setattr": _setattr,
    "sqlalchemy.orm.attributes.set_committed_value": _set_committed,
    "operator.attrgetter": iterators.attrgetter,
    "operator.methodcaller": iterators.methodcaller,
    "functools.reduce": iterators.reduce,
    "itertools.chain": _chain,
    "itertools.islice": _lazily_same,
    "itertools.groupby": _groupby,
    "itertools.zip_longest": _zip,
    "itertools.chain.from_iterable": _flattened,
    "itertools.takewhile": _filter,
    "itertools.dropwhile": _filter,
    "itertools.filterfalse": _filter,
    "itertools.product": _product,
    "itertools.pairwise": iterators.pairwise,
    "itertools.combinations": iterators.combinations,
    "itertools.permutations": iterators.combinations,
    "itertools.combinations_with_replacement": iterators.combinations,
    "itertools.batched": iterators.batched,
    "more_itertools.chunked": iterators.batched,
    "itertools.tee": iterators.tee,
    "itertools.cycle": _lazily_same,
    "itertools.compress": _lazily_same,
    "heapq.nlargest": iterators.second,
    "heapq.nsmallest": iterators.second,
    "random.sample": iterators.second,
    "tqdm.tqdm": iterators.one_by_one,
    "tqdm.auto.tqdm": iterators.one_by_one,
    "rich.progress.track": iterators.one_by_one,
    "itertools.starmap": _starmap,
    "collections.defaultdict": _defaultdict,
    "collections.OrderedDict": _dict,
    "contextlib.closing": _closing,
    "contextlib.aclosing": _closing,
    "contextlib.suppress": _suppress,
    "contextlib.ExitStack": _stack,
    "contextlib.AsyncExitStack": _stack,
    "contextlib.nullcontext": _nullcontext,
    "contextlib.contextmanager": _contextmanager,
    "contextlib.asynccontextmanager": _contextmanager,
    "functools.partial": _partial,
    "typing.cast": _cast,
    "copy.copy": _iter,
    "sqlalchemy.orm.object_session": _object_session,
    "collections.deque": _same,
}
