"""Class methods that matter: what calling one does is decided by the class that a function is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n

_WORD = frozenset({"classmethod", "staticmethod"})


def class_methods(functions: Iterable[Function], matters: Callable[[Function], bool]) -> frozenset[str]:
    """Names of the class methods of a project that *matters* holds of."""
    called = (f for f in functions if f.cls is not None and f.words & _WORD and _is_of_class(f))
    return frozenset(function.node.name for function in called if matters(function))


def _is_of_class(function: Function) -> bool:
    return any(isinstance(d, n.Name) and d.id in _WORD for d in function.node.decorators)
