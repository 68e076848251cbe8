"""What functions of Python's standard library (and some like them) give for what they are handed."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import specials
from sqla_lint.flow.lifetimes import instances, ownership, usage
from sqla_lint.flow.reading import drawing, iterators, loading, rows
from sqla_lint.flow.terms import configure
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.joining import join
from sqla_lint.flow.terms.row_values import Entity, Many, Pair, Record, ways_of
from sqla_lint.flow.terms.session_values import Factory, Scope
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


def _same(ctx: Context, cur: Cursor, args: list[Value], _kwargs: dict[str, Value], pos: Pos) -> Value:
    return rows.rows_of(ctx, cur, args[0], pos) if args else Many(UNKNOWN, fixed=True)


def _lazily_same(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    return rows.lazily(args[0] if args else UNKNOWN, _same(ctx, cur, args, kwargs, pos))


def _iter(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: dict[str, Value], _pos: Pos) -> Value:
    return args[0] if args else UNKNOWN


def _sorted(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    listed = _same(ctx, cur, args, kwargs, pos)
    key = kwargs["key"] if "key" in kwargs else specials.comparison(ctx, listed)
    if key is not None:
        rows.drawn_calls(ctx, cur, key, listed, pos, pos)
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
    names = [one.value for one in ways_of(args[1]) if isinstance(one, Literal)] if len(args) >= 2 else []
    nowhere = n.Opaque(pos)
    found = [
        loading.attribute(ctx, cur, n.Attribute(pos, nowhere, name), args[0]) for name in names if isinstance(name, str)
    ]
    return reduce(join, found) if found else UNKNOWN


def _hasattr(ctx: Context, cur: Cursor, args: list[Value], kwargs: dict[str, Value], pos: Pos) -> Value:
    """``hasattr`` reads the attribute."""
    _getattr(ctx, cur, args, kwargs, pos)
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


HANDLERS: dict[str, Handler] = {
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
    "paginate_sqlalchemy.SqlalchemyOrmPage": _same,
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
    "collections.deque": _same,
}
