"""What a function's text says of it before anything is solved: most functions are passed over by these words."""

from __future__ import annotations

import re

from sqla_lint.index.module import Function

_LOOPS = frozenset({"for", "while", "map", "sorted", "lambda", "groupby", "attrgetter"})
# Python's own ``filter``, ``min`` and ``max``: queries have methods of these names.
_CALLS_EACH = re.compile(r"(?<![.\w])(?:filter|min|max)\(")
_LISTS = frozenset({"all", "fetchall", "list", "tuple"})


def repeats(function: Function) -> bool:
    """Whether anything in the function may run more than once: a loop, or a callable that is called for each item."""
    if function.words & _LOOPS:
        return True
    if not function.words & {"filter", "min", "max"}:
        return False
    return any(_CALLS_EACH.search(line) for line in _lines(function))


def counts_or_indexes(function: Function) -> bool:
    """Whether the function may count the rows of a list, or take its first."""
    if not function.words & _LISTS:
        return False
    return "len" in function.words or any("[0]" in line for line in _lines(function))


def _lines(function: Function) -> tuple[str, ...]:
    return function.source[function.node.pos[0] - 1 : function.node.pos[2]]
