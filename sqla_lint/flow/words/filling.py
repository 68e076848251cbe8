"""Methods that a class leaves to its subclasses, and the methods that fill them in."""

from __future__ import annotations

from sqla_lint.index.annotations import last_name
from sqla_lint.index.module import Class, Function
from sqla_lint.index.names import Names
from sqla_lint.lower import nodes as n


def filling(names: Names, function: Function) -> list[Function]:
    """The methods of the classes below that fill in *function*; none if it has a body of its own."""
    if function.cls is None or not _is_left_open(names, function):
        return []
    found: dict[Function, None] = {}
    seen: set[Class] = {function.cls}
    below = [*names.subclasses.get(function.cls, ())]
    while below:
        cls = below.pop()
        method = cls.methods.get(function.node.name)
        if method is not None and not _is_left_open(names, method):
            found[method] = None
        below += [sub for sub in names.subclasses.get(cls, ()) if sub not in seen]
        seen.add(cls)
    return sorted(found, key=lambda one: one.key)


def _is_left_open(names: Names, function: Function) -> bool:
    """Whether a method has no body of its own: an abstract one, one of a protocol, one that is not implemented."""
    body = function.node.body
    if len(body) > 2 or function.cls is None:
        return False
    rest = [s for s in body if not (isinstance(s, n.ExprStmt) and isinstance(s.value, n.Constant))]
    if len(rest) == 1 and isinstance(rest[0], n.Raise):
        return last_name(rest[0].exc) == "NotImplementedError"
    if any(not isinstance(stmt, n.Jump) for stmt in rest):
        return False
    abstract = any(last_name(decorator) == "abstractmethod" for decorator in function.node.decorators)
    return abstract or any(base.endswith(".Protocol") for base in names.external_bases(function.cls))
