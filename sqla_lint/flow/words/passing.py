"""What a function's text says of it before anything is solved: most functions are passed over by these words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from sqla_lint.index.module import Function, bound_names, own_nodes, statements
from sqla_lint.lower import nodes as n

_LOOPS = frozenset({"for", "while", "map", "sorted", "sort", "starmap", "lambda", "groupby", "attrgetter"})
# Python's own ``filter``, ``min`` and ``max``: queries have methods of these names.
_CALLS_EACH = re.compile(r"(?<![.\w])(?:filter|min|max)\(")
# A query that reads is sent by one of these (``get`` beside a session's name besides).
_ASKS = frozenset(
    {"query", "select", "scalars", "scalar", "exec", "execute", "refresh", "awaitable_attrs", "get_or_404",
     "first_or_404", "get_one", "paginate", "filter_by"}
)  # fmt: skip
_SESSION_NAMES = frozenset({"db", "s", "sess", "database"})
# ``f`` and its like stand before the quotes of an f-string.
_SHOWS = frozenset({"print", "str", "repr", "format", "log", "logger", "logging", "f", "F", "rf", "fr"})
_SHOWN = re.compile(r"\b(?:print|str|repr|format|log\w*)\b|\b[rR]?[fF][rR]?[\"']")
_BY_ITSELF = frozenset({"__call__", "__getitem__", "__contains__", "__iter__", "__len__"})
_LISTS = frozenset({"all", "fetchall", "list", "tuple"})


def repeats(function: Function) -> bool:
    """Whether anything in the function may run more than once: a loop, or a callable that is called for each item."""
    if function.words & _LOOPS:
        return True
    if not function.words & {"filter", "min", "max"}:
        return False
    return any(_CALLS_EACH.search(line) for line in _lines(function))


def applies(function: Function) -> bool:
    """Whether the function calls something that it was handed in a loop, or for each item."""
    names = {p.name for p in function.node.params} & function.body_words
    if not names or not repeats(function):
        return False
    calls = re.compile(rf"(?<![\w.])(?:{'|'.join(sorted(names))})\(|\bmap\(|\bkey=")
    return any(calls.search(line) for line in _lines(function)[1:])


def shows(function: Function) -> bool:
    """Whether the function may turn rows into text."""
    return bool(function.words & _SHOWS)


def shows_given(function: Function) -> bool:
    """Whether the function may turn what it is handed into text, or each of it."""
    names = {p.name for p in function.node.params} & function.body_words
    if not names or not shows(function):
        return False
    if repeats(function):
        return True
    given = re.compile(rf"\b(?:{'|'.join(sorted(names))})\b")
    return any(given.search(line) and _SHOWN.search(line) for line in _lines(function)[1:])


def counts_or_indexes(function: Function) -> bool:
    """Whether the function may count the rows of a list, or take its first."""
    if not function.words & _LISTS:
        return False
    return "len" in function.words or any("[0]" in line for line in _lines(function))


def _lines(function: Function) -> tuple[str, ...]:
    return function.source[function.node.pos[0] - 1 : function.node.pos[2]]


def asks_in_loop(function: Function, askers: frozenset[str]) -> bool:
    """Whether the function may send a query in a loop, itself or by one of *askers*."""
    words = function.words
    return bool(words & _LOOPS or repeats(function)) and (_asks(words) or not words.isdisjoint(askers))


def askers(functions: Iterable[Function]) -> frozenset[str]:
    """Names of functions that send a query with what they are handed, or that mention such a function."""
    names: set[str] = set()
    pending = [f for f in functions if f.node.params]
    for _ in range(3):
        found = {_called_as(f) for f in pending if not f.words.isdisjoint(names) or _asks(f.words)}
        pending = [f for f in pending if _called_as(f) not in found]
        names |= found
    return frozenset(names)


def _called_as(function: Function) -> str:
    """The name that calls a function: its class's, where Python does by itself."""
    name = function.node.name
    return function.cls.node.name if function.cls is not None and name in _BY_ITSELF else name


def _asks(words: frozenset[str]) -> bool:
    if words & _ASKS:
        return True
    return "get" in words and any("session" in word.lower() or word in _SESSION_NAMES for word in words)


def leading(function: Function, names: Collection[str]) -> set[str]:
    """The function's variables that are assigned from something that mentions one of *names*."""
    leading: set[str] = set()
    names = function.body_words.intersection(names)
    if not names:
        return leading
    for stmt in statements(function.node.body):
        value = getattr(stmt, "value", None)
        mentioned: list[n.Expr] = [item.context for item in stmt.items] if isinstance(stmt, n.With) else []
        if isinstance(stmt, (n.Assign, n.AnnAssign)) and value is not None:
            mentioned = [value]
        if any(mentions(part, names, leading) for part in mentioned):
            leading |= set(bound_names(stmt))
    return leading


def mentions(value: n.Expr, *names: Collection[str]) -> bool:
    for part in own_nodes(value):
        name = part.id if isinstance(part, n.Name) else getattr(part, "attr", "")
        if any(name in some for some in names):
            return True
    return False
