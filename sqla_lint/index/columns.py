"""The columns of mapped classes, and which primary keys are made by the flush alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from sqla_lint.index.annotations import unquote, unwrap
from sqla_lint.index.mapped import Mappings
from sqla_lint.index.module import Class, walk
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n

# What SQLAlchemy fills in by itself for an integer primary key (``autoincrement="auto"``).
_INTEGERS = frozenset({"Integer", "BigInteger", "SmallInteger", "INTEGER", "BIGINT", "SMALLINT", "int"})
# Arguments and keywords of a column that give its value when the row is inserted, and not before.
_MADE_BY_FLUSH = frozenset({"Identity", "Sequence"})
_DEFAULTS = frozenset({"default", "server_default", "insert_default"})


class Column(NamedTuple):
    """A mapped column. *generated* if it is a primary key that is None until a flush has sent the row; *is_key* if it
    is part of the primary key.
    """

    name: str
    generated: bool
    is_key: bool = False


class Columns:
    """What the project's mapped classes declare as columns. All answers are pure functions of the project."""

    def __init__(self, mappings: Mappings) -> None:
        self.mappings = mappings
        self.names = mappings.names
        self._found: dict[Class, dict[str, Column]] = {}

    def of(self, cls: Class) -> dict[str, Column]:
        """The columns of a mapped class by attribute name, those of its bases and mixins included."""
        if cls not in self._found:
            self._found[cls] = self._compute(cls)
        return self._found[cls]

    def generated(self, cls: Class) -> frozenset[str]:
        """The attributes that a flush fills in with the primary key."""
        if any(owner.name in self._listened for owner in self.mappings.lineage(cls)):
            return frozenset()
        return frozenset(name for name, column in self.of(cls).items() if column.generated)

    def is_deferrable(self, cls: Class, name: str) -> bool:
        """Whether *name* is a column that a query may leave out: any but the primary key."""
        column = self.of(cls).get(name)
        return column is not None and not column.is_key

    def is_whole_key(self, cls: Class, name: str) -> bool:
        """Whether *name* is the primary key, and all of it."""
        columns = self.of(cls)
        return name in columns and columns[name].is_key and sum(column.is_key for column in columns.values()) == 1

    @cached_property
    def _listened(self) -> frozenset[str]:
        """Names of classes with a listener for ``init``: it may set anything on what is made."""
        calls = [
            node
            for module in self.names.project.modules.values()
            if module.words & {"listens_for", "listen"}
            for node in walk(module.node)
            if isinstance(node, n.Call) and n.called_name(node) in ("listens_for", "listen") and len(node.args) > 1
        ]
        return frozenset(
            n.called_name(c.args[0]) for c in calls if isinstance(c.args[1], n.Constant) and c.args[1].value == "init"
        )

    def is_stored(self, cls: Class, name: str) -> bool:
        """Whether an attribute of a mapped class is a column or a relationship."""
        return name in self.of(cls) or self.mappings.relationship(cls, name) is not None

    def _compute(self, cls: Class) -> dict[str, Column]:
        declared: dict[str, tuple[Class, n.Call | None, n.Expr | None]] = {}
        for owner in reversed(self.mappings.lineage(cls)):
            declared.update({name: (owner, call, note) for name, call, note in self._declared(owner)})
        keys = [name for name, (owner, call, note) in declared.items() if _flag(self._call(owner, call, note)) is True]
        made_here = self._made_in_init(cls)
        return {
            name: Column(
                name,
                keys == [name] and name not in made_here and self._is_generated(cls, owner, call, note),
                name in keys,
            )
            for name, (owner, call, note) in declared.items()
        }

    def _declared(self, owner: Class) -> Iterator[tuple[str, n.Call | None, n.Expr | None]]:
        """(name, call, annotation) of what a class body declares as a column."""
        for name, stmts in owner.assigned.items():
            stmt = stmts[-1]
            value = getattr(stmt, "value", None)
            annotation = stmt.annotation if isinstance(stmt, n.AnnAssign) else None
            if isinstance(value, n.Call):
                if self.names.meaning(owner.path, value.func) in ("column", "deferred"):
                    yield name, value, annotation
            elif annotation is not None and (value is None or self._is_sqlmodel(owner)):
                if self._is_column_annotation(owner, annotation):
                    yield name, None, annotation
        for name, method in owner.methods.items():
            last = method.node.body[-1]
            if method.node.decorators and isinstance(last, n.Return) and isinstance(last.value, n.Call):
                if self.names.meaning(owner.path, last.value.func) in ("column", "deferred"):
                    yield name, last.value, None

    def _is_sqlmodel(self, owner: Class) -> bool:
        return any("SQLModel" in base for base in self.names.external_bases(owner))

    def _is_column_annotation(self, owner: Class, annotation: n.Expr) -> bool:
        annotation = unquote(annotation)
        if isinstance(annotation, n.Subscript) and self.names.meaning(owner.path, annotation.value) == "mapped":
            return True
        return self._is_sqlmodel(owner)

    # --- keys

    def _call(self, owner: Class, call: n.Call | None, annotation: n.Expr | None) -> n.Call | None:
        """The call that describes a column: in its own place, or in ``Annotated[int, mapped_column(...)]``."""
        if call is not None and (_flag(call) is not None or annotation is None):
            return call
        if annotation is None:
            return call
        annotation = unquote(annotation)
        inner = annotation.key if isinstance(annotation, n.Subscript) else annotation
        what = self.names.definition(owner.path, inner)
        if isinstance(what, Variable):
            inner = getattr(what.assigned[-1], "value", inner)
        if isinstance(inner, n.Subscript) and isinstance(inner.key, n.Sequence):
            found = [i for i in inner.key.items if isinstance(i, n.Call)]
            if found:
                return found[0]
        return call

    def _is_generated(self, cls: Class, owner: Class, call: n.Call | None, annotation: n.Expr | None) -> bool:
        described = self._call(owner, call, annotation)
        if described is None:
            return False
        if (
            self._is_given_at_once(cls, owner, described)
            or _has(described, "ForeignKey")
            or _names(described, "foreign_key")
        ):
            return False
        if any(_has(described, name) for name in _MADE_BY_FLUSH):
            return True
        if any(k.name in _DEFAULTS and not _is_none(k.value) for k in described.keywords):
            return True
        auto = next((k.value for k in described.keywords if k.name == "autoincrement"), None)
        if isinstance(auto, n.Constant) and auto.value is False:
            return False
        return self._is_integer(owner, described, annotation)

    def _is_given_at_once(self, cls: Class, owner: Class, call: n.Call) -> bool:
        """Dataclass mapping and SQLModel fill defaults in when the instance is made."""
        if _names(call, "default_factory"):
            return True
        given = any(k.name == "default" and not _is_none(k.value) for k in call.keywords)
        return given and (self._is_sqlmodel(owner) or self._is_dataclass(cls))

    def _is_dataclass(self, cls: Class) -> bool:
        if any(base.endswith("MappedAsDataclass") for base in self.names.external_bases(cls)):
            return True
        decorated = [d for c in self.mappings.lineage(cls) for d in c.node.decorators]
        return any("dataclass" in n.called_name(d) for d in decorated)

    def _is_integer(self, owner: Class, call: n.Call, annotation: n.Expr | None) -> bool:
        for arg in call.args:
            if n.called_name(arg) in _INTEGERS:
                return True
        if any(not isinstance(a, n.Constant) for a in call.args) or annotation is None or _names(call, "sa_type"):
            # A type of the project's own, or none: what it makes is not known.
            return False
        annotation = unquote(annotation)
        inner = (
            annotation.key
            if isinstance(annotation, n.Subscript) and n.called_name(annotation.value) == "Mapped"
            else annotation
        )
        kept, many = unwrap(self._aliased(owner, inner))
        return not many and kept is not None and n.called_name(kept) == "int"

    def _aliased(self, owner: Class, annotation: n.Expr) -> n.Expr:
        """The type in ``Annotated[int, mapped_column(...)]``, also by the name that it was given."""
        what = self.names.definition(owner.path, annotation)
        found = getattr(what.assigned[-1], "value", annotation) if isinstance(what, Variable) else annotation
        if (
            isinstance(found, n.Subscript)
            and isinstance(found.key, n.Sequence)
            and n.called_name(found.value) == "Annotated"
        ):
            return found.key.items[0]
        return annotation

    def _made_in_init(self, cls: Class) -> frozenset[str]:
        """Attributes that an ``__init__`` of the project may set."""
        found: set[str] = set()
        for owner in self.mappings.lineage(cls):
            init = owner.methods.get("__init__")
            if init is not None:
                found |= init.words
        return frozenset(found)


def _flag(call: n.Call | None) -> bool | None:
    """What ``primary_key=`` says; None where the call does not say it."""
    value = next((k.value for k in call.keywords if k.name == "primary_key"), None) if call is not None else None
    return bool(value.value) if isinstance(value, n.Constant) else None


def _has(call: n.Call, name: str) -> bool:
    """Whether an argument of a column is a call (or class) of this name."""
    return any(n.called_name(part) == name for part in (*call.args, *(k.value for k in call.keywords)))


def _names(call: n.Call, keyword: str) -> bool:
    return any(k.name == keyword for k in call.keywords)


def _is_none(expr: n.Expr) -> bool:
    return isinstance(expr, n.Constant) and expr.value is None


__all__ = ["Column", "Columns"]
