"""Containers within containers: a name for an inner one is another way to it.

``bucket = groups.setdefault(key, [])``, ``bucket.append(row)``: the row is in ``groups``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.index.module import Function, bound_names, statements
from sqla_lint.lower import nodes as n

# Which of several names a container was taken out by, and how many there are.
Place = tuple[int, int]


def outer_of(container: n.Expr) -> n.Expr | None:
    """The container that ``d[key]`` or ``d.setdefault(key, [])`` takes the inner one from."""
    if isinstance(container, n.Subscript):
        return container.value
    if isinstance(container, n.Call) and isinstance(container.func, n.Attribute):
        return container.func.value if container.func.attr in ("setdefault", "get") else None
    return None


def sources(function: Function | None, name: str) -> Iterator[tuple[n.Expr, Place | None]]:
    """What a name's container is, too: ``groups[key]``, ``good if ok else bad``, a part of ``groups[key]``."""
    stmt = _binding(function, name) if function is not None else None
    if function is None or not isinstance(stmt, n.Assign) or len(stmt.targets) > 1:
        return
    target = stmt.targets[0]
    if isinstance(target, n.Name):
        ways = (stmt.value.body, stmt.value.orelse) if isinstance(stmt.value, n.IfExp) else (stmt.value,)
        yield from ((way, None) for way in ways if _stays(function, way))
    elif isinstance(target, n.Sequence) and outer_of(stmt.value) is not None and _stays(function, stmt.value):
        names = [item.id if isinstance(item, n.Name) else None for item in target.items]
        if name in names:
            yield stmt.value, (names.index(name), len(names))


def _stays(function: Function, container: n.Expr) -> bool:
    """Whether the name that a container is reached from always stands for the same one."""
    inner = container
    while (outer := outer_of(inner)) is not None:
        inner = outer
    return isinstance(inner, n.Name) and _binding(function, inner.id) is not None


def _binding(function: Function, name: str) -> n.Stmt | None:
    """The one statement that binds a name."""
    if name not in function.assigned:
        return None
    found = [stmt for stmt in statements(function.node.body) if name in bound_names(stmt)]
    return found[0] if len(found) == 1 else None
