"""Mapped classes: which classes SQLAlchemy maps, and their relationships with how each is loaded.

Read here: declarative bases old and new, mixins, ``Mapped[...]``, ``relationship()``, ``backref=``,
``back_populates=``, ``lazy=``, dataclass and imperative mapping, ``association_proxy``, SQLModel's ``Relationship()``,
Flask-SQLAlchemy's ``db.Model`` and
``db.relationship``, bases imported from other files.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.index.module import Class, walk
from sqla_lint.index.names import Names
from sqla_lint.index.project import External, Variable
from sqla_lint.lower import nodes as n
from sqla_lint.lower.from_ast import lower_module


class Relationship(NamedTuple):
    """A relationship attribute of a mapped class.

    *target* is the class it leads to, None where unknown. *many* is True for a collection, False for a scalar, None
    where not known. *lazy* is SQLAlchemy's loader strategy, None where it is not a literal. *inverse* is the attribute
    on the other side.
    *m2o* says whether a scalar side holds the foreign key (then the identity map may serve it).
    """

    name: str
    target: Class | None
    many: bool | None
    lazy: str | None
    inverse: str | None
    path: str
    pos: n.Pos
    join_depth: bool = False


@dataclass(frozen=True, eq=False)
class Mapped:
    """A mapped class: its relationships, deferred columns and proxies, those of its bases and mixins included."""

    cls: Class
    relationships: dict[str, Relationship] = field(default_factory=dict)
    deferred: frozenset[str] = frozenset()
    proxies: dict[str, tuple[str, str]] = field(default_factory=dict)


class _Raw(NamedTuple):
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
        self.model_bases = frozenset(model_bases)
        self._is_mapped: dict[Class, bool] = {}
        self._mapped: dict[Class, Mapped] = {}
        self._keys: dict[tuple[Class, Class], frozenset[str]] = {}

    # --- which classes

    def is_mapped(self, cls: Class) -> bool:
        """Whether *cls* is mapped itself: it, a base or a decorator says so."""
        if cls not in self._is_mapped:
            self._is_mapped[cls] = False  # a cycle of bases maps nothing
            self._is_mapped[cls] = self._compute_mapped(cls)
        return self._is_mapped[cls]

    def _compute_mapped(self, cls: Class) -> bool:
        if cls in self._imperative:
            return True
        if any(self._is_mapper_decorator(cls, d) for d in cls.node.decorators):
            return True
        if self._descends_from_sqlmodel(cls, 8):
            return self._is_table(cls)
        return any(self._is_base(cls, base) for base in cls.node.bases)

    def _is_base(self, cls: Class, base: n.Expr) -> bool:
        """Whether a base class expression makes its subclass a mapped one."""
        what = self.names.definition(cls.path, base)
        if isinstance(what, Class):
            return what is not cls and (self.is_mapped(what) or self._is_declarative_root(what))
        meaning = self.names.meaning(cls.path, base)
        if meaning == "flask-model":
            return True
        if isinstance(what, External) and what.name in self.model_bases:
            return True
        return self.names.is_declarative_base(cls.path, base)

    def _is_declarative_root(self, cls: Class) -> bool:
        """Whether *cls* is itself a declarative base (``class Base(DeclarativeBase)``, ``@as_declarative()``)."""
        if any(self.names.meaning(cls.path, base) == "declarative-base-class" for base in cls.node.bases):
            return True
        return any(self.names.meaning(cls.path, d) == "as-declarative" for d in cls.node.decorators) or any(
            isinstance(d, n.Attribute) and d.attr in ("as_declarative_base", "generate_base")
            for d in cls.node.decorators
        )

    @staticmethod
    def _is_table(cls: Class) -> bool:
        """A SQLModel class without ``table=True`` is a Pydantic model, not a table."""
        return any(k.name == "table" and isinstance(k.value, n.Constant) and k.value.value for k in cls.node.keywords)

    def _descends_from_sqlmodel(self, cls: Class, hops: int) -> bool:
        for base in cls.node.bases:
            if self.names.meaning(cls.path, base) == "sqlmodel-class":
                return True
            what = self.names.definition(cls.path, base)
            if isinstance(what, Class) and what is not cls and hops and self._descends_from_sqlmodel(what, hops - 1):
                return True
        return False

    def _is_mapper_decorator(self, cls: Class, decorator: n.Expr) -> bool:
        func = decorator.func if isinstance(decorator, n.Call) else decorator
        return isinstance(func, n.Attribute) and func.attr in ("mapped", "mapped_as_dataclass")

    @cached_property
    def _imperative(self) -> frozenset[Class]:
        """Classes mapped by ``mapper(User, ...)`` or ``registry.map_imperatively(User, ...)``."""
        return frozenset(cls for cls, _ in self._imperative_calls())

    def _imperative_calls(self) -> Iterator[tuple[Class, n.Call]]:
        for module in self.names.project.modules.values():
            if not module.words & {"map_imperatively", "mapper"}:
                continue
            for call in walk(module.node.body):
                if isinstance(call, n.Call) and call.args and _last_name(call.func) in ("map_imperatively", "mapper"):
                    target = self.names.definition(module.path, call.args[0])
                    if isinstance(target, Class):
                        yield target, call

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
        return next((self._backrefs[key] for c in self.lineage(cls) if (key := (c, name)) in self._backrefs), None)

    def lineage(self, cls: Class) -> tuple[Class, ...]:
        """The class and its bases within the project, nearest first (depth first, as good as Python's order here)."""
        return self.names.lineage(cls)

    def _build(self, cls: Class) -> Mapped:
        relationships: dict[str, Relationship] = {}
        deferred: set[str] = set()
        proxies: dict[str, tuple[str, str]] = {}
        for owner in reversed(self.lineage(cls)):
            for name, raw in self._own(owner).items():
                relationships[name] = self._resolve(raw, cls)
            relationships = {k: v for k, v in relationships.items() if k in self._own(owner) or k not in owner.assigned}
            for name, call in self._calls(owner):
                self._column(name, call, owner, deferred, proxies)
        for target, call in self._imperative_calls() if cls in self._imperative else ():
            if target is cls:
                relationships.update(self._imperative_relationships(cls, call))
        return Mapped(cls, relationships, frozenset(deferred), proxies)

    def _column(
        self, name: str, call: n.Call, owner: Class, deferred: set[str], proxies: dict[str, tuple[str, str]]
    ) -> None:
        meaning = self.names.meaning(owner.path, call.func)
        flag = _keyword(call, "deferred")
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

    def _own(self, cls: Class) -> dict[str, _Raw]:
        """The relationships that the body of *cls* itself declares."""
        found: dict[str, _Raw] = {}
        for name, stmts in cls.assigned.items():
            stmt = stmts[-1]
            value = getattr(stmt, "value", None)
            annotation = stmt.annotation if isinstance(stmt, n.AnnAssign) else None
            if isinstance(value, n.Call) and self._is_relationship(cls, value):
                found[name] = _Raw(name, value, annotation, cls, stmt.pos)
            elif annotation is not None and self._annotation_relationship(cls, annotation, value):
                found[name] = _Raw(name, None, annotation, cls, stmt.pos)
        for name, method in cls.methods.items():
            call = self._declared_attr(method.node) if method.node.decorators else None
            if call is not None and self._is_relationship(cls, call):
                found[name] = _Raw(name, call, method.node.returns, cls, method.node.pos)
        return found

    def _is_relationship(self, cls: Class, call: n.Call) -> bool:
        meaning = self.names.meaning(cls.path, call.func)
        return meaning in ("relationship", "sqlmodel-relationship", "dynamic-loader")

    def _annotation_relationship(self, cls: Class, annotation: n.Expr, value: object) -> bool:
        """``pets: WriteOnlyMapped["Pet"]`` needs no ``relationship()``; ``Mapped[...]`` without a value is a column."""
        if value is not None or not isinstance(annotation, n.Subscript):
            return False
        return self.names.meaning(cls.path, annotation.value) in ("write-only-mapped", "dynamic-mapped")

    @staticmethod
    def _declared_attr(node: n.FunctionDef) -> n.Call | None:
        """The call that a ``@declared_attr`` method of a mixin returns."""
        if not any("declared_attr" in (_last_name(d), _last_name(getattr(d, "value", None))) for d in node.decorators):
            return None
        last = node.body[-1]
        return last.value if isinstance(last, n.Return) and isinstance(last.value, n.Call) else None

    def _imperative_relationships(self, cls: Class, call: n.Call) -> dict[str, Relationship]:
        properties = _keyword(call, "properties")
        found: dict[str, Relationship] = {}
        if isinstance(properties, n.Dict):
            for key, value in zip(properties.keys, properties.values):
                if isinstance(key, n.Constant) and isinstance(key.value, str) and isinstance(value, n.Call):
                    if _last_name(value.func) in ("relationship", "relation"):
                        found[key.value] = self._resolve(_Raw(key.value, value, None, cls, value.pos), cls)
        return found

    # --- one relationship

    def _resolve(self, raw: _Raw, cls: Class) -> Relationship:
        call = raw.call
        target = self._target(raw, cls)
        annotated = self._annotated(raw)
        many = annotated[1] if annotated else None
        lazy: str | None = "select"
        inverse: str | None = None
        depth = False
        if call is not None:
            lazy = self._lazy(raw.owner, call)
            inverse = _string(_keyword(call, "back_populates")) or self._backref_name(raw.owner, call)
            depth = _keyword(call, "join_depth") is not None
            uselist = _keyword(call, "uselist")
            if isinstance(uselist, n.Constant):
                many = bool(uselist.value)
        if annotated and annotated[2] in api.DYNAMIC:
            lazy, many = annotated[2], True
        if many is None:
            many = self._direction(raw, cls, target)
        return Relationship(raw.name, target, many, lazy, inverse, raw.owner.path, raw.pos, depth)

    def _lazy(self, owner: Class, call: n.Call) -> str | None:
        """The strategy that ``lazy=`` names; None where it is not a literal.

        ``True`` means select, ``False`` joined, ``None`` noload.
        """
        value = _keyword(call, "lazy")
        options = _keyword(call, "sa_relationship_kwargs")
        if value is None and isinstance(options, n.Dict):
            pairs = zip(options.keys, options.values)
            value = next((v for k, v in pairs if isinstance(k, n.Constant) and k.value == "lazy"), None)
        elif value is None and options is not None:
            return None
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

    def _backref_name(self, owner: Class, call: n.Call) -> str | None:
        value = _keyword(call, "backref")
        if isinstance(value, n.Call) and value.args:
            return _string(value.args[0])
        return _string(value)

    def _target(self, raw: _Raw, cls: Class) -> Class | None:
        if raw.call is not None:
            argument = raw.call.args[0] if raw.call.args else _keyword(raw.call, "argument")
            if argument is not None:
                return self._class(raw.owner, argument, cls)
        annotated = self._annotated(raw)
        return self._class(raw.owner, annotated[0], cls) if annotated and annotated[0] is not None else None

    def _class(self, owner: Class, expr: n.Expr, cls: Class) -> Class | None:
        """The mapped class that a ``relationship()`` argument means: a name, a string, or a lambda that returns one."""
        if isinstance(expr, n.Lambda):
            return self._class(owner, expr.body, cls)
        if isinstance(expr, n.Constant) and isinstance(expr.value, str):
            return self.by_name(expr.value, cls)
        if isinstance(expr, n.Subscript):
            return None
        found = self.names.definition(owner.path, expr)
        if isinstance(found, Class):
            return found
        return self.by_name(expr.id, cls) if isinstance(expr, n.Name) else None

    def by_name(self, dotted: str, near: Class) -> Class | None:
        """The mapped class that a string means to *near*: SQLAlchemy looks in the registry of its declarative base.

        Of several classes of the name, the one in the same file is taken, else none.
        """
        name = dotted.strip().rsplit(".", 1)[-1]
        base = self.base_of(near)
        classes = [c for c in self._classes_by_name.get(name, ()) if self.is_mapped(c) and self.base_of(c) == base]
        here = [c for c in classes if c.path == near.path]
        if len(here) == 1:
            return here[0]
        return classes[0] if len(classes) == 1 else None

    def base_of(self, cls: Class) -> object:
        """The declarative base that *cls* descends from: what tells two registries apart. None where it has none."""
        for owner in self.lineage(cls):
            if self._is_declarative_root(owner):
                return owner.key
            for base in owner.node.bases:
                what = self.names.definition(owner.path, base)
                if isinstance(what, Variable):
                    return (what.path, what.name)
                if isinstance(what, External) and api.meaning(what.name) == "sqlmodel-class":
                    return what.name
                if isinstance(base, n.Attribute) and self.names.is_flask_db(owner.path, base.value):
                    db = self.names.definition(owner.path, base.value)
                    return (db.path, db.name) if isinstance(db, Variable) else None
        return None

    @cached_property
    def _classes_by_name(self) -> dict[str, list[Class]]:
        found: dict[str, list[Class]] = {}
        for path in sorted(self.names.project.modules):
            for cls in self.names.project.modules[path].classes:
                found.setdefault(cls.name, []).append(cls)
        return found

    def _annotated(self, raw: _Raw) -> tuple[n.Expr | None, bool | None, str] | None:
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

    # --- columns

    def foreign_keys(self, cls: Class, relation: Relationship) -> frozenset[str]:
        """The columns of *cls* (its bases' too) whose foreign key leads to the target of *relation*."""
        if relation.target is None:
            return frozenset()
        key = (cls, relation.target)
        if key not in self._keys:
            tables = self._tables(relation.target)
            self._keys[key] = frozenset(
                name
                for owner in self.lineage(cls)
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
        for owner in self.lineage(cls):
            stmts = owner.assigned.get(name)
            value = getattr(stmts[-1], "value", None) if stmts else None
            if isinstance(value, n.Call):
                flags = (_keyword(value, "primary_key"), _keyword(value, "unique"))
                return any(isinstance(flag, n.Constant) and flag.value is True for flag in flags)
        return False

    # --- directions and backrefs

    def _direction(self, raw: _Raw, cls: Class, target: Class | None) -> bool | None:
        """Whether an unannotated relationship is a collection: it is a scalar where *cls* holds the foreign key."""
        if raw.call is not None and (_keyword(raw.call, "secondary") is not None):
            return True
        if raw.call is not None and _keyword(raw.call, "remote_side") is not None:
            return False
        holder = self._key_holder(raw)
        if holder is not None and target is not None and target is not cls:
            return holder not in {c.name for c in self.lineage(cls)}
        keys = self._foreign_tables(cls)
        if target is None:
            return None
        return not (keys & self._tables(target)) if keys is not None else None

    @staticmethod
    def _key_holder(raw: _Raw) -> str | None:
        """The class that ``foreign_keys=`` names: the side that holds the key."""
        value = _keyword(raw.call, "foreign_keys") if raw.call is not None else None
        if isinstance(value, n.Lambda):
            value = value.body
        if isinstance(value, n.Sequence) and value.items:
            value = value.items[0]
        text = _string(value)
        if text is not None and "." in text:
            return text.strip("[] ").split(".")[0]
        return value.value.id if isinstance(value, n.Attribute) and isinstance(value.value, n.Name) else None

    def _foreign_tables(self, cls: Class) -> frozenset[str] | None:
        """The tables that foreign keys in the body of *cls* (its bases' too) point to; None where that is not known."""
        if cls in self._imperative:
            return None
        found: set[str] = set()
        for owner in self.lineage(cls):
            for stmts in owner.assigned.values():
                found.update(self._foreign_keys(owner.path, stmts[-1]))
            for method in owner.methods.values():
                if "declared_attr" in method.words:
                    found.update(self._foreign_keys(owner.path, method.node))
        return frozenset(found)

    def _foreign_keys(self, path: str, node: object) -> Iterator[str]:
        for call in walk(node):
            if isinstance(call, n.Call):
                if self.names.meaning(path, call.func) == "foreign-key" and call.args:
                    first = call.args[0]
                    if isinstance(first, n.Constant) and isinstance(first.value, str):
                        yield first.value.split(".")[-2] if "." in first.value else first.value
                    elif isinstance(first, n.Attribute):
                        owner = self.names.definition(path, first.value)
                        if isinstance(owner, Class):
                            yield from self._tables(owner)
                        elif isinstance(first.value, n.Attribute):
                            owner = self.names.definition(path, first.value.value)
                            if isinstance(owner, Class):
                                yield from self._tables(owner)
                foreign = _string(_keyword(call, "foreign_key"))
                if foreign:
                    yield foreign.split(".")[-2] if "." in foreign else foreign

    def _tables(self, cls: Class) -> frozenset[str]:
        """The names under which foreign keys may point to *cls*."""
        found: set[str] = set()
        for owner in self.lineage(cls):
            stmts = owner.assigned.get("__tablename__")
            name = _string(getattr(stmts[-1], "value", None)) if stmts else None
            if name:
                found.add(name.rsplit(".", 1)[-1])
            # Flask-SQLAlchemy and SQLModel name the table after the class.
            found.add(_snake(owner.name))
            found.add(owner.name.lower())
        return frozenset(found)

    @cached_property
    def _backrefs(self) -> dict[tuple[Class, str], Relationship]:
        """Relationships that ``backref=`` makes on the other class."""
        found: dict[tuple[Class, str], Relationship] = {}
        for classes in self._classes_by_name.values():
            for cls in classes:
                if self.is_mapped(cls):
                    for raw in self._own(cls).values():
                        made = self._backref(raw, cls)
                        if made is not None:
                            found.setdefault(made[0], made[1])
        return found

    def _backref(self, raw: _Raw, cls: Class) -> tuple[tuple[Class, str], Relationship] | None:
        if raw.call is None:
            return None
        value = _keyword(raw.call, "backref")
        name = self._backref_name(raw.owner, raw.call)
        target = self._target(raw, cls)
        if value is None or name is None or target is None:
            return None
        forward = self._resolve(raw, cls)
        secondary = _keyword(raw.call, "secondary") is not None
        many: bool | None = True if secondary else (None if forward.many is None else not forward.many)
        lazy: str | None = "select"
        if isinstance(value, n.Call):
            lazy = self._lazy(raw.owner, value)
            uselist = _keyword(value, "uselist")
            if isinstance(uselist, n.Constant):
                many = bool(uselist.value)
        return (target, name), Relationship(name, cls, many, lazy, raw.name, raw.owner.path, raw.pos)

    @cached_property
    def relationship_names(self) -> frozenset[str]:
        """Every name that is a relationship, a proxy or a deferred column of some mapped class."""
        found = {name for _, name in self._backrefs}
        for classes in self._classes_by_name.values():
            for cls in classes:
                mapped = self.mapped(cls)
                if mapped is not None:
                    found.update(mapped.relationships, mapped.deferred, mapped.proxies)
        return frozenset(found)


# --- annotations -----------------------------------------------------------------------------------------------------

_COLLECTIONS = frozenset(
    {"list", "List", "set", "Set", "Sequence", "Collection", "Iterable", "tuple", "Tuple", "frozenset", "FrozenSet",
     "MutableSequence", "AbstractSet", "dict", "Dict", "Iterator", "Generator", "deque"}
)  # fmt: skip


def unquote(annotation: n.Expr) -> n.Expr:
    """An annotation written as a string, parsed; anything else as it is."""
    if not (isinstance(annotation, n.Constant) and isinstance(annotation.value, str)):
        return annotation
    try:
        body = lower_module(ast.parse(annotation.value.strip(), mode="exec")).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return annotation
    return body[0].value if len(body) == 1 and isinstance(body[0], n.ExprStmt) else annotation


def unwrap(annotation: n.Expr) -> tuple[n.Expr | None, bool]:
    """The class that an annotation leads to, and whether through a collection.

    ``Optional[list["Pet"]]`` is (Pet, True).
    """
    annotation = unquote(annotation)
    if isinstance(annotation, n.BinOp) and annotation.op == "|":
        sides = [annotation.left, annotation.right]
        kept = [s for s in sides if not (isinstance(s, n.Constant) and s.value is None)]
        return unwrap(kept[0]) if len(kept) == 1 else (None, False)
    if isinstance(annotation, n.Subscript):
        name = _last_name(annotation.value)
        index = annotation.key
        if name == "Optional" or name == "Annotated" or name == "Union":
            items = index.items if isinstance(index, n.Sequence) else (index,)
            kept = [i for i in items if not (isinstance(i, n.Constant) and i.value is None)]
            return unwrap(kept[0]) if kept and (name == "Annotated" or len(kept) == 1) else (None, False)
        if name in _COLLECTIONS:
            inner = index.items[-1] if isinstance(index, n.Sequence) and name in ("dict", "Dict") else index
            if isinstance(inner, n.Sequence):
                inner = inner.items[0]
            return unwrap(inner)[0], True
        return None, False
    return annotation, False


def _last_name(expr: object) -> str | None:
    if isinstance(expr, n.Call):
        return _last_name(expr.func)
    if isinstance(expr, n.Attribute):
        return expr.attr
    return expr.id if isinstance(expr, n.Name) else None


def _keyword(call: n.Call, name: str) -> n.Expr | None:
    return next((k.value for k in call.keywords if k.name == name), None)


def _string(expr: n.Expr | None) -> str | None:
    return expr.value if isinstance(expr, n.Constant) and isinstance(expr.value, str) else None


def _snake(name: str) -> str:
    """Flask-SQLAlchemy's table name of a class."""
    return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))
