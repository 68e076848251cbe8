"""What an expression asks the database for, told by how it is written: a class, a column, and of which session."""

from __future__ import annotations

from typing import Any

from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.context import dotted
from sqla_lint.index.module import walk
from sqla_lint.lower import nodes as n

_SESSION_NAMES = frozenset({"db", "s", "sess", "database"})


def owner_named(node: Any) -> n.Expr | None:
    """The owner of an attribute that a value names: ``getattr(Pet, name)``, ``pets.c[name]``. Which column or
    collection is asked for is no value to look up: no ``in_()`` asks for all of them.
    """
    if isinstance(node, n.Call) and isinstance(node.func, n.Name) and node.func.id == "getattr":
        return node.args[0] if len(node.args) == 2 else None
    if isinstance(node, n.Subscript) and isinstance(node.value, n.Attribute) and node.value.attr in ("c", "columns"):
        return node.value
    return None


def is_over_classes(node: n.Expr, variables: frozenset[str]) -> bool:
    """Whether the loop's variable is the class that is asked for, or a class whose columns are."""
    return any(isinstance(part, n.Call) and says_class(part, variables) for part in walk(node))


def says_class(call: n.Call, names: frozenset[str]) -> bool:
    """Whether a call asks for a class that has one of these *names*: ``session.get(kind, 1)``, ``query(kind.id)``."""
    func = call.func
    if isinstance(func, n.Attribute) and func.attr in ("get", "get_one") and len(call.args) > 1:
        return is_session(func.value, None) and _names(call.args[0], names)
    name = n.last_part(func)
    return name in ("query", "select", "select_from", "aliased") and any(_asked(a, names) for a in call.args)


def _asked(arg: n.Expr, variables: frozenset[str]) -> bool:
    """``cls``, ``cls.id`` and ``func.count(cls.id)`` where a query is told what to ask for."""
    inner = arg.args if isinstance(arg, n.Call) and isinstance(arg.func, n.Attribute) else ()
    return any(_names(part, variables) for part in (arg, *inner))


def _names(expr: n.Expr, variables: frozenset[str]) -> bool:
    owner = expr.value if isinstance(expr, n.Attribute) else expr
    return isinstance(owner, n.Name) and owner.id in variables


def is_session(expr: n.Expr, sid: Sid | None) -> bool:
    """Whether an expression is the session *sid*, or is called as one."""
    if isinstance(expr, n.Call):
        return not expr.args and is_session(expr.func, sid)
    text = dotted(expr)
    if text is None:
        return False
    last = text.rpartition(".")[2]
    known = sid is not None and bool(sid.path) and (last == sid.path[-1] or text == ".".join(sid.path))
    return known or is_session_name(last)


def is_session_name(name: str) -> bool:
    """Whether a name is one that sessions have."""
    return "session" in name.lower() or name in _SESSION_NAMES
