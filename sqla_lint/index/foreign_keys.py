"""Columns of mapped classes: which hold foreign keys, and to which tables; which have one row for each value."""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.index import written_texts
from sqla_lint.index.annotations import keyword, string
from sqla_lint.index.mapped_classes import MappedClasses
from sqla_lint.index.module import Class, walk
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n


class ForeignKeys:
    """The foreign keys that the project's mapped classes declare."""

    def __init__(self, classes: MappedClasses) -> None:
        self.classes = classes
        self.names = classes.names
        self._keys: dict[tuple[Class, Class], frozenset[str]] = {}
        self._tables: dict[Class, frozenset[str] | None] = {}

    def to(self, cls: Class, target: Class | None) -> frozenset[str]:
        """The columns of *cls* (its bases' too) whose foreign key leads to *target*."""
        if target is None:
            return frozenset()
        key = (cls, target)
        if key not in self._keys:
            tables = self.tables(target)
            self._keys[key] = frozenset(
                name
                for owner in self.names.lineage(cls)
                for name, node in self._columns(owner)
                if tables & set(self._foreign_keys(owner.path, node))
            )
        return self._keys[key]

    def _columns(self, cls: Class) -> Iterator[tuple[str, object]]:
        """What may declare a column in the body of *cls*: assignments, and methods of mixins."""
        for name, stmts in cls.assigned.items():
            yield name, stmts[-1]
        for name, method in cls.methods.items():
            if "declared_attr" in method.words:
                yield name, method.node

    def is_unique(self, cls: Class, name: str) -> bool:
        """Whether a column has one row for each of its values: a primary key, or ``unique=True``."""
        for owner in self.names.lineage(cls):
            stmts = owner.assigned.get(name)
            value = getattr(stmts[-1], "value", None) if stmts else None
            if isinstance(value, n.Call):
                flags = (keyword(value, "primary_key"), keyword(value, "unique"))
                return any(isinstance(flag, n.Constant) and flag.value is True for flag in flags)
        return False

    @staticmethod
    def holder(call: n.Call | None) -> str | None:
        """The class that the ``foreign_keys=`` of a relationship names: the side that holds the key."""
        value = keyword(call, "foreign_keys") if call is not None else None
        if isinstance(value, n.Lambda):
            value = value.body
        if isinstance(value, n.Sequence) and value.items:
            value = value.items[0]
        text = string(value)
        if text is not None and "." in text:
            return text.strip("[] ").split(".")[0]
        return value.value.id if isinstance(value, n.Attribute) and isinstance(value.value, n.Name) else None

    def foreign_tables(self, cls: Class) -> frozenset[str] | None:
        """The tables that foreign keys in the body of *cls* (its bases' too) point to; None where that is not known."""
        if cls in self.classes.imperative:
            return None
        if cls not in self._tables:
            self._tables[cls] = self._foreign_tables(cls)
        return self._tables[cls]

    def are_behind(self, cls: Class, target: Class) -> bool:
        """Whether the keys between two classes are all in *target*: a row of *cls* does not know which one it has."""
        own, theirs = self.foreign_tables(cls), self.foreign_tables(target)
        return own is not None and own.isdisjoint(self.tables(target)) and not self.tables(cls).isdisjoint(theirs or ())

    def _foreign_tables(self, cls: Class) -> frozenset[str] | None:
        found: set[str] = set()
        for owner in self.names.lineage(cls):
            for _, node in self._columns(owner):
                found.update(self._foreign_keys(owner.path, node))
            if _table(owner) is not None:
                tables = list(self._written_tables(owner))
                if not tables:
                    return None
                for table in tables:
                    keys = self.foreign_tables(table) if isinstance(table, Class) else self._foreign_keys(*table)
                    found.update(keys or ())
        return frozenset(found)

    def _written_tables(self, cls: Class) -> Iterator[Class | tuple[str, object]]:
        """What the ``__table__`` of a class is made of: tables of other classes, and ``Table(...)`` with its file."""
        for node in walk(_table(cls) or ()):
            if isinstance(node, n.Call) and self.names.meaning(cls.path, node.func) == "table":
                yield cls.path, node
            if isinstance(node, n.Attribute) and node.attr == "__table__":
                owner = self.names.definition(cls.path, node.value)
                if isinstance(owner, Class) and owner is not cls:
                    yield owner
            elif isinstance(node, (n.Name, n.Attribute)):
                table = self.names.definition(cls.path, node)
                if isinstance(table, Variable) and len(table.assigned) == 1:
                    yield table.path, table.assigned[0]

    def _foreign_keys(self, path: str, node: object) -> Iterator[str]:
        for call in walk(node):
            if isinstance(call, n.Call):
                if self.names.meaning(path, call.func) == "foreign-key" and call.args:
                    first = call.args[0]
                    if isinstance(first, (n.Constant, n.BinOp, n.Format)):
                        target = written_texts.text(self.names, path, first)
                        table = target.split(".")[-2] if "." in target else target
                        if written_texts.UNKNOWN not in table:
                            yield table
                    elif isinstance(first, n.Attribute):
                        owner = self.names.definition(path, first.value)
                        if isinstance(owner, Class):
                            yield from self.tables(owner)
                        elif isinstance(first.value, n.Attribute):
                            owner = self.names.definition(path, first.value.value)
                            if isinstance(owner, Class):
                                yield from self.tables(owner)
                foreign = string(keyword(call, "foreign_key"))
                if foreign:
                    yield foreign.split(".")[-2] if "." in foreign else foreign

    def tables(self, cls: Class) -> frozenset[str]:
        """The names under which foreign keys may point to *cls*."""
        found: set[str] = set()
        for owner in self.names.lineage(cls):
            stmts = owner.assigned.get("__tablename__")
            name = written_texts.text(self.names, owner.path, getattr(stmts[-1], "value", None)) if stmts else ""
            if name and written_texts.UNKNOWN not in name:
                found.add(name.rsplit(".", 1)[-1])
            for table in self._written_tables(owner):
                found.update(self.tables(table) if isinstance(table, Class) else self._table_names(*table))
            if owner is cls or self.has_table(owner):
                # Flask-SQLAlchemy and SQLModel name the table after the class.
                found.update((_snake(owner.name), owner.name.lower()))
        return frozenset(found)

    def _table_names(self, path: str, node: object) -> Iterator[str]:
        """The names that ``Table("name", ...)`` in *node* gives."""
        for call in walk(node):
            if isinstance(call, n.Call) and call.args and self.names.meaning(path, call.func) == "table":
                name = string(call.args[0])
                if name:
                    yield name.rsplit(".", 1)[-1]

    def has_table(self, cls: Class) -> bool:
        """Whether a base has a table itself: a mixin and an abstract class have none that their subclasses share."""
        stmts = cls.assigned.get("__abstract__")
        value = getattr(stmts[-1], "value", None) if stmts else None
        return self.classes.is_mapped(cls) and not (isinstance(value, n.Constant) and value.value is True)


def _table(cls: Class) -> object:
    """What the body of a class sets as its ``__table__``; an annotation alone sets nothing."""
    stmts = cls.assigned.get("__table__")
    return getattr(stmts[-1], "value", None) if stmts else None


def _snake(name: str) -> str:
    """Flask-SQLAlchemy's table name of a class."""
    return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))
