"""Jinja's own filters: which rows come out, and which attribute of each they read."""

from __future__ import annotations

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.row_values import Entity, Many, Pair
from sqla_lint.flow.terms.values import UNKNOWN, Literal, Mapping

_KEEP = frozenset({"list", "reverse", "sort", "unique", "select", "reject", "selectattr", "rejectattr", "default", "d"})
# These go through what they are given at once.
LISTS = frozenset({"list", "reverse", "sort", "unique", "first", "last", "batch", "slice", "groupby", "map"})
_ITEMS = frozenset({"first", "last", "random", "min", "max"})
_PARTS = frozenset({"batch", "slice"})
# These make a text of what they are given.
TEXTS = frozenset(
    {"string", "upper", "lower", "title", "capitalize", "trim", "e", "escape", "forceescape", "safe", "truncate",
     "striptags", "urlize", "urlencode", "wordwrap", "center", "indent"}
)  # fmt: skip
# Where the attribute's name stands among the arguments; None where it must be named.
_ATTRIBUTE: dict[str, int | None] = {
    "groupby": 0,
    "join": 1,
    "map": None,
    "max": 1,
    "min": 1,
    "rejectattr": 0,
    "selectattr": 0,
    "sort": 2,
    "sum": 0,
    "unique": 1,
}


def attribute(name: str, args: list[Value], kwargs: dict[str, Value]) -> tuple[str, ...]:
    """The attributes, one after the other, that a filter reads of each row; several of them for a row: none is told."""
    if name not in _ATTRIBUTE:
        return ()
    index = _ATTRIBUTE[name]
    given = kwargs.get("attribute", args[index] if index is not None and index < len(args) else UNKNOWN)
    text = given.value if isinstance(given, Literal) else None
    return tuple(text.split(".")) if isinstance(text, str) and "," not in text else ()


def result(name: str, source: Value, reached: Value) -> Value:
    """What comes out of a filter. *reached* is what its attribute leads to from a row."""
    if name == "map":
        return Many(reached) if reached != UNKNOWN else UNKNOWN
    if name in _KEEP:
        return source
    if name == "dictsort" and isinstance(source, Mapping):
        return Many(Pair((source.key, source.value)))
    if not isinstance(source, Many):
        return UNKNOWN
    if name in _ITEMS:
        return source.item
    if name in _PARTS:
        return Many(source)
    if name == "groupby":
        return Many(Pair((reached if isinstance(reached, Entity) else UNKNOWN, source)))
    return UNKNOWN
