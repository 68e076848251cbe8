"""Classes that a method makes for its class: ``cls.Address = type(f"{cls.__name__}Address", (Address, Base), {...})``.

SQLAlchemy's own recipe for a mixin that gives each of its classes a table of its own. Here it is one class, the
mixin's: the attribute says which.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.index.annotations import last_name, string
from sqla_lint.index.module import bound_names, statements
from sqla_lint.lower import nodes as n


def made_classes(method: n.FunctionDef) -> Iterator[tuple[str, n.ClassDef]]:
    """The classes that *method* gives its class as attributes, by their names there; one that is made by a call as the
    statement that would be the same.
    """
    cls = method.params[0].name if method.params else None
    for stmt in statements(method.body):
        target = stmt.targets[0] if isinstance(stmt, n.Assign) else None
        if isinstance(target, n.Attribute) and isinstance(target.value, n.Name) and target.value.id == cls:
            assert isinstance(stmt, n.Assign)
            made = _made(stmt.value, method)
            if made is not None:
                yield target.attr, made


def _made(value: n.Expr, method: n.FunctionDef) -> n.ClassDef | None:
    if isinstance(value, n.Call) and last_name(value) == "cast" and len(value.args) == 2:
        return _made(value.args[1], method)
    if isinstance(value, n.Call):
        return _called(value)
    if not isinstance(value, n.Name):
        return None
    for stmt in statements(method.body):
        if isinstance(stmt, n.ClassDef) and stmt.name == value.id:
            return stmt
        if isinstance(stmt, n.Assign) and value.id in bound_names(stmt):
            return _called(stmt.value)
    return None


def _called(call: n.Expr) -> n.ClassDef | None:
    """``type(name, bases, attributes)`` as a class statement."""
    if not (isinstance(call, n.Call) and isinstance(call.func, n.Name) and call.func.id == "type"):
        return None
    bases, attributes = call.args[1:] if len(call.args) == 3 else (None, None)
    body = _body(attributes)
    if not isinstance(bases, n.Sequence) or body is None:
        return None
    return n.ClassDef(call.pos, "", bases.items, (), body, ())


def _body(attributes: n.Expr | None) -> tuple[n.Stmt, ...] | None:
    if isinstance(attributes, n.Dict):
        items = [(string(key), value) for key, value in zip(attributes.keys, attributes.values)]
    elif isinstance(attributes, n.Call) and last_name(attributes) == "dict" and not attributes.args:
        items = [(keyword.name, keyword.value) for keyword in attributes.keywords]
    else:
        return None
    return tuple(n.Assign(value.pos, (n.Name(value.pos, name),), value) for name, value in items if name is not None)
