"""Which classes SQLAlchemy maps: declarative bases old and new, decorators, imperative mapping, SQLModel's tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from sqla_lint import sqlalchemy_api as api
from sqla_lint.index.annotations import last_name, string
from sqla_lint.index.module import Class, statements, walk
from sqla_lint.index.names import Names
from sqla_lint.index.project import External, Variable
from sqla_lint.lower import nodes as n

# What declares an attribute of a class that is mapped already.
_PROPERTIES = frozenset({"column_property", "deferred", "relationship"})


class MappedClasses:
    """The project's mapped classes, by what their bases and decorators say."""

    def __init__(self, names: Names, model_bases: tuple[str, ...] = ()) -> None:
        self.names = names
        self.model_bases = frozenset(model_bases)
        self._is_mapped: dict[Class, bool] = {}

    def is_mapped(self, cls: Class) -> bool:
        """Whether *cls* is mapped itself: it, a base or a decorator says so."""
        if cls not in self._is_mapped:
            self._is_mapped[cls] = False  # a cycle of bases maps nothing
            self._is_mapped[cls] = self._compute_mapped(cls)
        return self._is_mapped[cls]

    def _compute_mapped(self, cls: Class) -> bool:
        if cls in self.imperative:
            return True
        if any(self._is_mapper_decorator(cls, d) for d in cls.node.decorators):
            return True
        if self._descends_from_sqlmodel(cls, 8):
            return self._is_table(cls)
        return any(self._is_base(cls, base) for base in cls.node.bases) or self._says_table(cls)

    def _says_table(self, cls: Class) -> bool:
        """Whether a class with a base from elsewhere names its table and declares columns: that base is declarative."""
        if "__tablename__" not in cls.assigned:
            return False
        bases = [self.names.definition(cls.path, base) for base in cls.node.bases]
        calls = (getattr(stmts[-1], "value", None) for stmts in cls.assigned.values())
        return any(isinstance(base, External) for base in bases) and any(
            isinstance(call, n.Call) and self.names.meaning(cls.path, call.func) in ("column", "relationship")
            for call in calls
        )

    def _is_base(self, cls: Class, base: n.Expr) -> bool:
        """Whether a base class expression makes its subclass a mapped one."""
        what = self.names.definition(cls.path, base)
        if isinstance(what, Class):
            return what is not cls and (self.is_mapped(what) or self.is_declarative_root(what))
        meaning = self.names.meaning(cls.path, base)
        if meaning == "flask-model":
            return True
        if isinstance(what, External) and what.name in self.model_bases:
            return True
        if self.names.is_declarative_base(cls.path, base):
            return True
        # ``if TYPE_CHECKING: Base = Model``, ``else: Base = db.Model``: one of them says it.
        if not isinstance(what, Variable) or len(what.assigned) == 1:
            return False
        return any(self._names_base(what.path, getattr(stmt, "value", None)) for stmt in what.assigned)

    def _names_base(self, path: str, value: n.Expr | None) -> bool:
        if value is None:
            return False
        return self.names.meaning(path, value) == "flask-model" or self.names.is_declarative_base(path, value)

    def is_declarative_root(self, cls: Class) -> bool:
        """Whether *cls* is itself a declarative base (``class Base(DeclarativeBase)``, ``@as_declarative()``)."""
        if any(self.names.meaning(cls.path, base) == "declarative-base-class" for base in cls.node.bases):
            return True
        if self.names.becomes_base(cls):
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
    def imperative(self) -> frozenset[Class]:
        """Classes mapped by ``mapper(User, ...)`` or ``registry.map_imperatively(User, ...)``."""
        return frozenset(cls for cls, _ in self.imperative_calls())

    def imperative_calls(self) -> Iterator[tuple[Class, n.Call]]:
        """Each class that is mapped imperatively, with the call that does it."""
        for module in self.names.project.modules.values():
            if not module.words & {"map_imperatively", "mapper"}:
                continue
            for call in walk(module.node.body):
                if isinstance(call, n.Call) and call.args and last_name(call.func) in ("map_imperatively", "mapper"):
                    target = self.names.definition(module.path, call.args[0])
                    if isinstance(target, Class):
                        yield target, call

    @cached_property
    def mixins(self) -> frozenset[Class]:
        """Classes that are not mapped, and of which mapped ones have their methods."""
        mapped = (cls for classes in self.classes_by_name.values() for cls in classes if self.is_mapped(cls))
        return frozenset(base for cls in mapped for base in self.names.lineage(cls) if not self.is_mapped(base))

    @cached_property
    def added(self) -> dict[Class, dict[str, n.Call]]:
        """What a class's file gives it outside its body: ``Owner.pet_count = column_property(...)``."""
        found: dict[Class, dict[str, n.Call]] = {}
        for module in self.names.project.modules.values():
            if not module.words & _PROPERTIES:
                continue
            inner = (f.node.body for f in module.functions if f.words & _PROPERTIES and f.cls is None)
            for stmt in (*module.node.body, *(s for body in inner for s in statements(body))):
                for target in stmt.targets if isinstance(stmt, n.Assign) else ():
                    call = getattr(stmt, "value", None)
                    if not isinstance(target, n.Attribute) or not isinstance(call, n.Call):
                        continue
                    owner = self.names.definition(module.path, target.value)
                    if isinstance(owner, Class) and owner.path == module.path and last_name(call.func) in _PROPERTIES:
                        found.setdefault(owner, {})[target.attr] = call
        return found

    def by_name(self, dotted: str, near: Class) -> Class | None:
        """The mapped class that a string means to *near*: SQLAlchemy looks in the registry of its declarative base.

        Of several classes of the name, the one in the same file is taken, else none.
        """
        name = dotted.strip().rsplit(".", 1)[-1]
        base = self.base_of(near)
        classes = [c for c in self.classes_by_name.get(name, ()) if self.is_mapped(c) and self.base_of(c) == base]
        here = [c for c in classes if c.path == near.path]
        if len(here) == 1:
            return here[0]
        return classes[0] if len(classes) == 1 else None

    def of_attribute(self, cls: Class, attribute: str) -> Class | None:
        """What a mixin means by ``relationship(cls.Address)``: the class that it makes, or the one that *cls* names:
        ``Address = "HomeAddress"``.
        """
        made = self.names.made(cls, attribute)
        stmts = next((c.assigned[attribute] for c in self.names.lineage(cls) if attribute in c.assigned), ())
        name = string(getattr(stmts[-1], "value", None)) if stmts else None
        return self.by_name(name, cls) if made is None and name is not None else made

    def base_of(self, cls: Class) -> object:
        """The declarative base that *cls* descends from: what tells two registries apart. None where it has none."""
        for owner in self.names.lineage(cls):
            if self.is_declarative_root(owner):
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
    def classes_by_name(self) -> dict[str, list[Class]]:
        """The project's classes, mapped or not."""
        found: dict[str, list[Class]] = {}
        for path in sorted(self.names.project.modules):
            for cls in self.names.project.modules[path].classes:
                found.setdefault(cls.name, []).append(cls)
        return found
