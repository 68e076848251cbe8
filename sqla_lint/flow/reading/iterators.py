"""What the standard library makes of rows one by one: pairs, groups, sums, attributes by name."""

from __future__ import annotations

from sqla_lint.flow.reading import loading, rows
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Many, Pair
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import UNKNOWN, Caller, Getter, Literal, Outside
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# Tuples longer than this are not told apart by place.
_MAX_PLACES = 4

Kwargs = dict[str, Value]


def pairwise(ctx: Context, cur: Cursor, args: list[Value], _kwargs: Kwargs, pos: Pos) -> Value:
    """``pairwise(rows)``: each row and the next."""
    return _tuples(ctx, cur, args, 2, pos)


def combinations(ctx: Context, cur: Cursor, args: list[Value], kwargs: Kwargs, pos: Pos) -> Value:
    """``combinations(rows, 2)``: so many rows at a time."""
    places = args[1] if len(args) > 1 else kwargs.get("r", UNKNOWN)
    count = places.value if isinstance(places, Literal) else None
    return _tuples(ctx, cur, args, count, pos) if isinstance(count, int) and 0 < count <= _MAX_PLACES else UNKNOWN


def _tuples(ctx: Context, cur: Cursor, args: list[Value], places: int, pos: Pos) -> Value:
    listed = rows.rows_of(ctx, cur, args[0], pos) if args else UNKNOWN
    return Many(Pair((listed.item,) * places)) if isinstance(listed, Many) and not listed.single else UNKNOWN


def batched(ctx: Context, cur: Cursor, args: list[Value], _kwargs: Kwargs, pos: Pos) -> Value:
    """``batched(rows, n)``: lists of them."""
    listed = rows.rows_of(ctx, cur, args[0], pos) if args else UNKNOWN
    return Many(listed) if isinstance(listed, Many) else UNKNOWN


def tee(ctx: Context, cur: Cursor, args: list[Value], _kwargs: Kwargs, pos: Pos) -> Value:
    """``tee(rows)``: two iterators over the same."""
    listed = rows.rows_of(ctx, cur, args[0], pos) if args else UNKNOWN
    return Pair((listed, listed)) if len(args) == 1 else UNKNOWN


def second(ctx: Context, cur: Cursor, args: list[Value], kwargs: Kwargs, pos: Pos) -> Value:
    """``nlargest(3, rows, key=f)``, ``sample(rows, 3)`` the other way round: some of the rows."""
    source = next((arg for arg in args if not isinstance(arg, Literal)), UNKNOWN)
    listed = rows.rows_of(ctx, cur, source, pos)
    if "key" in kwargs:
        rows.drawn_calls(ctx, cur, kwargs["key"], listed, pos, pos)
    return listed


def reduce(ctx: Context, cur: Cursor, args: list[Value], _kwargs: Kwargs, pos: Pos) -> Value:
    """``reduce(f, rows, start)`` calls *f* for each row; ``reduce(getattr, names, row)`` reads one after the other."""
    if len(args) < 2:
        return UNKNOWN
    if args[0] == Outside("builtins.getattr") and len(args) == 3:
        path = _names(args[1])
        return read_path(ctx, cur, args[2], path, pos) if path else UNKNOWN
    rows.drawn_calls(ctx, cur, args[0], args[1], pos, pos, before=(UNKNOWN,))
    return UNKNOWN


def _names(value: Value) -> tuple[str, ...]:
    """The names in a display of literal names."""
    parts = value.items if isinstance(value, Pair) else value.parts if isinstance(value, Many) else ()
    names = tuple(part.value for part in parts if isinstance(part, Literal) and isinstance(part.value, str))
    return names if len(names) == len(parts) else ()


def read_path(ctx: Context, cur: Cursor, owner: Value, names: tuple[str, ...], pos: Pos) -> Value:
    """Attributes read one after the other at *pos*."""
    for name in names:
        owner = loading.attribute(ctx, cur, n.Attribute(pos, n.Opaque(pos), name), owner)
    return owner


def attrgetter(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: Kwargs, _pos: Pos) -> Value:
    """``attrgetter("a.b")``."""
    paths = tuple(arg.value for arg in args if isinstance(arg, Literal) and isinstance(arg.value, str))
    return Getter(paths) if len(paths) == len(args) else UNKNOWN


def get_attributes(ctx: Context, cur: Cursor, getter: Getter, owner: Value, pos: Pos) -> Value:
    """Call what ``attrgetter`` made: several paths give a tuple."""
    found = tuple([read_path(ctx, cur, owner, tuple(path.split(".")), pos) for path in getter.paths])
    return found[0] if len(found) == 1 else Pair(found)


def methodcaller(_ctx: Context, _cur: Cursor, args: list[Value], kwargs: Kwargs, _pos: Pos) -> Value:
    """``methodcaller("to_dict")``."""
    name = args[0].value if args and isinstance(args[0], Literal) else None
    return Caller(name, tuple(args[1:]), tuple(sorted(kwargs.items()))) if isinstance(name, str) else UNKNOWN


def call_method(ctx: Context, cur: Cursor, caller: Caller, owner: Value, pos: Pos) -> Value:
    """Call what ``methodcaller`` made."""
    from sqla_lint.flow.evaluation import calls

    method = read_path(ctx, cur, owner, (caller.name,), pos)
    return calls.apply(ctx, cur, method, list(caller.args), dict(caller.kwargs), pos)


def split(text: Literal, args: list[Value]) -> Value:
    """``"a.b".split(".")``."""
    separator = args[0].value if args and isinstance(args[0], Literal) else None
    if not isinstance(text.value, str) or not (separator is None or isinstance(separator, str) and separator):
        return UNKNOWN
    return Pair(tuple(Literal(part, "str") for part in text.value.split(separator)))


def one_by_one(_ctx: Context, _cur: Cursor, args: list[Value], _kwargs: Kwargs, _pos: Pos) -> Value:
    """A progress bar hands on what it goes through."""
    return args[0] if args else UNKNOWN
