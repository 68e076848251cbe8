"""Mapped classes: which classes SQLAlchemy maps, and their relationships with how each is loaded.

Read here: declarative bases old and new, mixins, ``Mapped[...]``, ``relationship()``, ``backref=``,
``back_populates=``, ``lazy=``, dataclass and imperative mapping, ``association_proxy``, SQLModel's ``Relationship()``,
Flask-SQLAlchemy's ``db.Model`` and
``db.relationship``, bases imported from other files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.index import backrefs
from sqla_lint.index.annotations import declared_attr, keyword, last_name, string, unquote, unwrap
from sqla_lint.index.foreign_keys import ForeignKeys
from sqla_lint.index.mapped_classes import MappedClasses
from sqla_lint.index.module import Class
from sqla_lint.index.names import Names
from sqla_lint.index.relationship_calls import cascades, forwarded, joined_on, spelled_out
from sqla_lint.index.subclasses import Subclasses
from sqla_lint.lower import nodes as n


class Relationship(NamedTuple):
    """A relationship attribute of a mapped class.

    *target* is the class it leads to, None where unknown. *many* is True for a collection, False for a scalar, None
    where not known. *lazy* is SQLAlchemy's loader strategy, None where it is not a literal. *inverse* is the attribute
    on the other side.
    *cascades* unless it keeps what hangs on it out of the session. *joined_on* are words that name its keys.
    """

    name: str
    target: Class | None
    many: bool | None
    lazy: str | None
    inverse: str | None
    path: str
    pos: n.Pos
    join_depth: bool = False
    cascades: bool = True
    joined_on: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Mapped:
    """A mapped class: its relationships, deferred columns and proxies, those of its bases and mixins included."""

    cls: Class
    relationships: dict[str, Relationship] = field(default_factory=dict)
    deferred: frozenset[str] = frozenset()
    proxies: dict[str, tuple[str, str]] = field(default_factory=dict)


class Raw(NamedTuple):
    """A relationship as written, before its target is resolved."""

    name: str
    call: n.Call | None
    annotation: n.Expr | None
    owner: Class
    pos: n.Pos


class Mappings:
    """The project's mapped classes. All answers are pure functions of the project."""

    def __init__(self, names: Names, model_bases: tuple[str, ...] = ()) -> None:
        self.names = names
        self.classes = MappedClasses(names, model_bases)
        self.keys = ForeignKeys(self.classes)
        self.is_mapped = self.classes.is_mapped
        self.base_of = self.classes.base_of
        self.is_unique = self.keys.is_unique
        self._mapped: dict[Class, Mapped] = {}
        self._declared: dict[Class, dict[str, Raw]] = {}
        self._referring: dict[tuple[Class, str], tuple[Relationship, ...]] = {}
        self.subclasses = Subclasses(self)

    def referring(self, cls: Class, name: str) -> tuple[Relationship, ...]:
        """The many-to-one relationships of *cls* that go by its column *name*, and by that alone."""
        key, mapped = (cls, name), self.mapped(cls)
        if key not in self._referring:
            every = self.relationships(mapped) if mapped is not None else ()
            found = (one for one in every if one.many is False and self.foreign_keys(cls, one) == {name})
            self._referring[key] = tuple(found)
        return self._referring[key]

    def foreign_keys(self, cls: Class, relation: Relationship) -> frozenset[str]:
        """The columns of *cls* whose keys lead to the target of *relation*: of several, those it is joined on."""
        keys = self.keys.to(cls, relation.target)
        return keys & relation.joined_on or keys

    # --- what a mapped class has

    def mapped(self, cls: Class) -> Mapped | None:
        """The mapping of *cls*, or None where it is not mapped."""
        if not self.is_mapped(cls):
            return None
        if cls not in self._mapped:
            self._mapped[cls] = self._build(cls)
        return self._mapped[cls]

    def relationship(self, cls: Class, name: str) -> Relationship | None:
        """The relationship *name* of *cls*, backrefs from other classes included; None where there is none."""
        mapped = self.mapped(cls)
        if mapped is None:
            return None
        found = mapped.relationships.get(name)
        if found is not None:
            return found
        found = next((self._backrefs[key] for c in self.lineage(cls) if (key := (c, name)) in self._backrefs), None)
        if found is not None:
            return found
        below = self.subclasses.having(cls, name)
        return self.relationship(below, name) if below is not None else None

    def relationships(self, mapped: Mapped) -> list[Relationship]:
        """All relationships of a class, backrefs from other classes included."""
        own, lineage = mapped.relationships, self.lineage(mapped.cls)
        return [*own.values(), *(r for (cls, name), r in self._backrefs.items() if cls in lineage and name not in own)]

    def lineage(self, cls: Class) -> tuple[Class, ...]:
        """The class and its bases within the project, nearest first (depth first, as good as Python's order here)."""
        return self.names.lineage(cls)

    def _build(self, cls: Class) -> Mapped:
        relationships: dict[str, Relationship] = {}
        deferred: set[str] = set()
        proxies: dict[str, tuple[str, str]] = {}
        for owner in reversed(self.lineage(cls)):
            for name, raw in self.declared(owner).items():
                relationships[name] = self.resolve(raw, cls)
            relationships = {
                k: v for k, v in relationships.items() if k in self.declared(owner) or k not in owner.assigned
            }
            for name, call in self._calls(owner):
                self._column(name, call, owner, deferred, proxies)
        for target, call in self.classes.imperative_calls() if cls in self.classes.imperative else ():
            if target is cls:
                relationships.update(self._imperative_relationships(cls, call))
        return Mapped(cls, relationships, frozenset(deferred), proxies)

    def _column(
        self, name: str, call: n.Call, owner: Class, deferred: set[str], proxies: dict[str, tuple[str, str]]
    ) -> None:
        meaning = self.names.meaning(owner.path, call.func)
        flag = keyword(call, "deferred")
        if meaning == "deferred" or (isinstance(flag, n.Constant) and flag.value is True):
            deferred.add(name)
        if meaning == "association-proxy" and len(call.args) >= 2:
            first, second = call.args[:2]
            if isinstance(first, n.Constant) and isinstance(second, n.Constant):
                proxies[name] = (str(first.value), str(second.value))

    def _calls(self, cls: Class) -> Iterator[tuple[str, n.Call]]:
        """Class-level ``name = call(...)`` and ``name: T = call(...)``."""
        for name, stmts in cls.assigned.items():
            value = getattr(stmts[-1], "value", None)
            if isinstance(value, n.Call):
                yield name, value
        yield from self.classes.added.get(cls, {}).items()

    def declared(self, cls: Class) -> dict[str, Raw]:
        """The relationships that the body of *cls* itself declares."""
        if cls not in self._declared:
            self._declared[cls] = self._read(cls)
        return self._declared[cls]

    def _read(self, cls: Class) -> dict[str, Raw]:
        found: dict[str, Raw] = {}
        for name, stmts in cls.assigned.items():
            stmt = stmts[-1]
            value = getattr(stmt, "value", None)
            annotation = stmt.annotation if isinstance(stmt, n.AnnAssign) else None
            if isinstance(value, n.Call) and self._is_relationship(cls, value):
                found[name] = Raw(name, value, annotation, cls, stmt.pos)
            elif annotation is not None and self._annotation_relationship(cls, annotation, value):
                found[name] = Raw(name, None, annotation, cls, stmt.pos)
        for name, call in self.classes.added.get(cls, {}).items():
            if self._is_relationship(cls, call):
                found[name] = Raw(name, call, None, cls, call.pos)
        for name, method in cls.methods.items():
            made = declared_attr(method.node) if method.node.decorators else None
            if made is not None and self._is_relationship(cls, made):
                found[name] = Raw(name, made, method.node.returns, cls, method.node.pos)
        spelled = ((raw, raw.call and spelled_out(raw.call, cls, self.names)) for raw in found.values())
        return {raw.name: raw._replace(call=call) for raw, call in spelled}

    def _is_relationship(self, cls: Class, call: n.Call) -> bool:
        meaning = self.names.meaning(cls.path, call.func)
        known = meaning in ("relationship", "sqlmodel-relationship", "dynamic-loader")
        # A library over SQLAlchemy may have one of its own: ``from library.orm import relationship``.
        others = meaning is None and (self.names.dotted(cls.path, call.func) or "").endswith(".relationship")
        return known or others or forwarded(call, cls, self.names) is not None

    def _annotation_relationship(self, cls: Class, annotation: n.Expr, value: object) -> bool:
        """``pets: WriteOnlyMapped["Pet"]`` needs no ``relationship()``; ``Mapped[...]`` without a value is a column."""
        if value is not None or not isinstance(annotation, n.Subscript):
            return False
        return self.names.meaning(cls.path, annotation.value) in ("write-only-mapped", "dynamic-mapped")

    def _imperative_relationships(self, cls: Class, call: n.Call) -> dict[str, Relationship]:
        properties = keyword(call, "properties")
        found: dict[str, Relationship] = {}
        if isinstance(properties, n.Dict):
            for key, value in zip(properties.keys, properties.values):
                if isinstance(key, n.Constant) and isinstance(key.value, str) and isinstance(value, n.Call):
                    if last_name(value.func) in ("relationship", "relation"):
                        found[key.value] = self.resolve(Raw(key.value, value, None, cls, value.pos), cls)
        return found

    # --- one relationship

    def resolve(self, raw: Raw, cls: Class) -> Relationship:
        call = raw.call
        target = self.target(raw, cls)
        annotated = self._annotated(raw)
        many = annotated[1] if annotated else None
        lazy: str | None = "select"
        inverse: str | None = None
        depth = False
        if call is not None:
            lazy = self.strategy(raw.owner, call)
            inverse = string(keyword(call, "back_populates")) or backrefs.name_of(self, raw, cls)
            depth = keyword(call, "join_depth") is not None
            uselist = keyword(call, "uselist")
            if isinstance(uselist, n.Constant):
                many = bool(uselist.value)
        if annotated and annotated[2] in api.DYNAMIC:
            lazy, many = annotated[2], True
        if many is None:
            many = self._direction(raw, cls, target)
        is_saved, keys = call is None or cascades(call), joined_on(call) if call is not None else frozenset()
        return Relationship(raw.name, target, many, lazy, inverse, raw.owner.path, raw.pos, depth, is_saved, keys)

    def strategy(self, owner: Class, call: n.Call) -> str | None:
        """The strategy that ``lazy=`` names; None where it is not a literal.

        ``True`` means select, ``False`` joined, ``None`` noload.
        """
        value = keyword(call, "lazy")
        if self.names.meaning(owner.path, call.func) == "dynamic-loader":
            return "dynamic"
        if any(k.name is None for k in call.keywords):
            return None
        if value is None:
            return "select"
        if not isinstance(value, n.Constant):
            return None
        by_value: dict[object, str] = {True: "select", False: "joined", None: "noload"}
        return by_value.get(value.value) if not isinstance(value.value, str) else value.value

    def target(self, raw: Raw, cls: Class) -> Class | None:
        if raw.call is not None:
            argument = raw.call.args[0] if raw.call.args else keyword(raw.call, "argument")
            if argument is not None:
                return self._class(raw.owner, argument, cls)
        annotated = self._annotated(raw)
        return self._class(raw.owner, annotated[0], cls) if annotated and annotated[0] is not None else None

    def _class(self, owner: Class, expr: n.Expr, cls: Class) -> Class | None:
        """The mapped class that a ``relationship()`` argument means: a name, a string, or a lambda that returns one."""
        if isinstance(expr, n.Lambda):
            return self._class(owner, expr.body, cls)
        if isinstance(expr, n.Constant) and isinstance(expr.value, str):
            return self.classes.by_name(expr.value, cls)
        if isinstance(expr, n.Subscript):
            return None
        if isinstance(expr, n.Attribute) and isinstance(expr.value, n.Name):
            said = self.classes.of_attribute(cls, expr.attr)
            if said is not None:
                return said
        found = self.names.definition(owner.path, expr)
        if isinstance(found, Class):
            return found
        return self.classes.by_name(expr.id, cls) if isinstance(expr, n.Name) else None

    def _annotated(self, raw: Raw) -> tuple[n.Expr | None, bool | None, str] | None:
        """What ``Mapped[...]`` (or SQLModel's bare annotation) says: the target, whether many, the strategy."""
        annotation = raw.annotation
        if annotation is None:
            return None
        strategy = "select"
        annotation = unquote(annotation)
        if isinstance(annotation, n.Subscript):
            meaning = self.names.meaning(raw.owner.path, annotation.value)
            if meaning in ("mapped", "write-only-mapped", "dynamic-mapped"):
                strategy = {"write-only-mapped": "write_only", "dynamic-mapped": "dynamic"}.get(meaning, "select")
                annotation = unquote(annotation.key)
        inner, many = unwrap(annotation)
        return inner, (True if strategy != "select" else many), strategy

    # --- directions and backrefs

    def _direction(self, raw: Raw, cls: Class, target: Class | None) -> bool | None:
        """Whether an unannotated relationship is a collection: it is a scalar where *cls* holds the foreign key."""
        if raw.call is not None and (keyword(raw.call, "secondary") is not None):
            return True
        if raw.call is not None and keyword(raw.call, "remote_side") is not None:
            return False
        if target is cls and raw.call is not None:
            # To the class itself it is a collection, unless something says which side is the remote one.
            return True if keyword(raw.call, "primaryjoin") is None else None
        holder = self.keys.holder(raw.call)
        if holder is not None and target is not None and target is not cls:
            # A mixin says ``foreign_keys=[cls.owner_id]``.
            return holder not in {"cls", *(c.name for c in self.lineage(cls))}
        keys = self.keys.foreign_tables(cls)
        if target is None:
            return None
        return not (keys & self.keys.tables(target)) if keys is not None else None

    @cached_property
    def _backrefs(self) -> dict[tuple[Class, str], Relationship]:
        return backrefs.every(self)

    @cached_property
    def relationship_names(self) -> frozenset[str]:
        """Every name that is a relationship, a proxy or a deferred column of some mapped class."""
        found = {name for _, name in self._backrefs}
        for classes in self.classes.classes_by_name.values():
            for cls in classes:
                mapped = self.mapped(cls)
                if mapped is not None:
                    found.update(mapped.relationships, mapped.deferred, mapped.proxies)
        return frozenset(found)
