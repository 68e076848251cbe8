"""Which arguments of a call a query of the function is made of: all of one, or what a dict has under some keys."""

from __future__ import annotations

from collections.abc import Iterable

from sqla_lint.flow.terms.summary import Taken
from sqla_lint.index.module import walk
from sqla_lint.lower import nodes as n

_LOOKS_UP = frozenset({"get", "pop", "setdefault"})


def keys_of(name: str, exprs: Iterable[n.Expr]) -> frozenset[str] | None:
    """The keys that *exprs* look up in a dictionary, the only thing that they do with it: ``options["pet"]``,
    ``kwargs.pop("pet")``; None if they do anything else.
    """
    found: list[object] = []
    mentioned = 0
    for part in (part for expr in exprs for part in walk(expr)):
        mentioned += isinstance(part, n.Name) and part.id == name
        key, owner = looked_up(part)
        if isinstance(owner, n.Name) and owner.id == name:
            found.append(key.value if isinstance(key, n.Constant) else None)
    keys = frozenset(key for key in found if isinstance(key, str))
    return keys if keys and mentioned == len(found) and None not in found else None


def looked_up(node: object) -> tuple[n.Expr | None, n.Expr | None]:
    """The key, and what it is looked up in."""
    if isinstance(node, n.Subscript):
        return node.key, node.value
    if isinstance(node, n.Call) and isinstance(node.func, n.Attribute) and node.func.attr in _LOOKS_UP and node.args:
        return node.args[0], node.func.value
    return None, None


def arguments(node: n.Expr, taken: Taken) -> tuple[n.Expr, ...]:
    """The arguments of a call (or of the reading of a property) that a parameter takes."""
    given = _given(node, taken)
    if taken.keys is None or taken.kind == "kwarg":
        return given
    return tuple(part for value in given for part in _under(value, taken.keys))


def _under(value: n.Expr, keys: frozenset[str]) -> tuple[n.Expr, ...]:
    """What a dict display has under some keys."""
    if not isinstance(value, n.Dict):
        return (value,)
    pairs = zip(value.keys, value.values)
    return tuple(part for key, part in pairs if not isinstance(key, n.Constant) or key.value in keys)


def _given(node: n.Expr, taken: Taken) -> tuple[n.Expr, ...]:
    if isinstance(node, n.Attribute):
        return (node.value,) if taken.place == -1 else ()
    if isinstance(node, (n.Subscript, n.Compare)):
        # ``shelf[key]``, ``name in shelf``: Python hands that to a method of the shelf.
        item, owner = (node.key, node.value) if isinstance(node, n.Subscript) else (node.left, node.comparators[0])
        return (owner,) if taken.place == -1 else (item,) if taken.place == 0 else ()
    if not isinstance(node, n.Call):
        return ()
    if taken.kind == "kwarg":
        wanted = (k for k in node.keywords if taken.keys is None or k.name is None or k.name in taken.keys)
        return tuple(keyword.value for keyword in wanted)
    named = next((keyword.value for keyword in node.keywords if keyword.name == taken.name), None)
    if named is not None:
        return (named,)
    if taken.place == -1:
        return (node.func.value,) if isinstance(node.func, n.Attribute) else ()
    if taken.place < 0 or any(isinstance(arg, n.Starred) for arg in node.args[: taken.place + 1]):
        return ()
    return node.args[taken.place :] if taken.kind == "vararg" else node.args[taken.place : taken.place + 1]
