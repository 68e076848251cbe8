"""What an expression *names*, without running anything: definitions and meanings of dotted names at module level."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from sqla_lint import sqlalchemy_api as api
from sqla_lint.index.module import Class, Function, bound_names, statements
from sqla_lint.index.project import Definition, External, ModuleRef, Package, Project, Variable
from sqla_lint.lower import nodes as n

_MAX_HOPS = 12
# Without one of these words a function makes no declarative base.
_MAKES_BASES = frozenset(
    {"declarative_base", "as_declarative", "automap_base", "DeclarativeBase", "DeclarativeBaseNoMeta"}
)
_BASE_MARKS = frozenset({"as-declarative", "declarative-base-class"})


class Names:
    """Resolves dotted names over a project; answers are cached, and pure functions of the project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._lineages: dict[Class, tuple[Class, ...]] = {}

    def definition(self, path: str, expr: n.Expr, hops: int = _MAX_HOPS) -> Definition | None:
        """What a name or dotted name at module level of *path* stands for; variables that only rename are followed."""
        if isinstance(expr, n.Name):
            return self._through_alias(self.project.lookup(path, expr.id), hops)
        if isinstance(expr, n.Attribute):
            owner = self.definition(path, expr.value, hops)
            return self._attribute(owner, expr.attr, hops)
        return None

    def _attribute(self, owner: Definition | None, attr: str, hops: int) -> Definition | None:
        if isinstance(owner, External):
            return External(f"{owner.name}.{attr}")
        if isinstance(owner, (ModuleRef, Package)):
            return self._through_alias(self.project.member(owner, attr), hops)
        return self.made(owner, attr) if isinstance(owner, Class) else None

    def made(self, cls: Class, name: str) -> Class | None:
        """The class that a method of *cls* gives it as the attribute *name*."""
        return next((owner.made[name] for owner in self.lineage(cls) if name in owner.made), None)

    @cached_property
    def made_anywhere(self) -> dict[str, Class]:
        """The classes that methods give their classes, by the attributes; those of which there is only one."""
        found = [one for module in self.project.modules.values() for cls in module.classes for one in cls.made.items()]
        counts = Counter(name for name, _ in found)
        return {name: cls for name, cls in found if counts[name] == 1}

    def _through_alias(self, what: Definition | None, hops: int) -> Definition | None:
        """Follow ``relationship = orm.relationship``, ``plain, relationship = relationship, ours`` and the like to what
        they rename.
        """
        if isinstance(what, Variable) and hops and len(what.assigned) == 1:
            value = _assigned(what.assigned[0], what.name)
            if isinstance(value, (n.Name, n.Attribute)):
                return self.definition(what.path, value, hops - 1) or what
        return what

    def dotted(self, path: str, expr: n.Expr) -> str | None:
        """The dotted name outside the project that *expr* stands for, or None."""
        if isinstance(expr, n.Call):
            expr = expr.func
        what = self.definition(path, expr)
        return what.name if isinstance(what, External) else None

    def meaning(self, path: str, expr: n.Expr) -> str | None:
        """What *expr* means to SQLAlchemy (see :func:`sqlalchemy_api.meaning`),
        Flask-SQLAlchemy's ``db.x`` included.
        """
        dotted = self.dotted(path, expr)
        if dotted is not None:
            return api.meaning(dotted)
        if isinstance(expr, n.Call):
            expr = expr.func
        path, expr = self.renamed(path, expr)
        if isinstance(expr, n.Attribute) and self.is_flask_db(path, expr.value):
            if expr.attr == "Model":
                return "flask-model"
            return api.meaning(f"sqlalchemy.orm.{expr.attr}")
        return None

    def renamed(self, path: str, expr: n.Expr) -> tuple[str, n.Expr]:
        """What a name was given in place of an attribute, and where: ``Model = db.Model`` is ``db.Model``."""
        what = self.definition(path, expr)
        stmt = what.assigned[0] if isinstance(what, Variable) and len(what.assigned) == 1 else None
        if isinstance(what, Variable) and isinstance(stmt, (n.Assign, n.AnnAssign)):
            if isinstance(stmt.value, n.Attribute):
                return what.path, stmt.value
        return path, expr

    def is_flask_db(self, path: str, expr: n.Expr) -> bool:
        """Whether *expr* names a Flask-SQLAlchemy extension object (or one of a project subclass of it)."""
        what = self.definition(path, expr)
        return isinstance(what, Variable) and any(
            self._makes_flask_db(what.path, getattr(stmt, "value", None)) for stmt in what.assigned
        )

    def _makes_flask_db(self, path: str, value: n.Expr | None) -> bool:
        if not isinstance(value, n.Call):
            return False
        made = self.definition(path, value.func)
        if isinstance(made, Class):
            return any(self.meaning(c.path, b) == "flask-sqlalchemy" for c in self.lineage(made) for b in c.node.bases)
        return isinstance(made, External) and api.meaning(made.name) == "flask-sqlalchemy"

    def is_declarative_base(self, path: str, expr: n.Expr) -> bool:
        """Whether *expr* names what ``declarative_base()`` (or a registry's ``generate_base()``) returned."""
        what = self.definition(path, expr)
        if isinstance(what, Variable):
            for stmt in what.assigned:
                value = getattr(stmt, "value", None)
                if isinstance(value, n.Call):
                    if self._makes_base(what.path, value.func):
                        return True
                    if self._returns_base(self.definition(what.path, value.func)):
                        return True
        return False

    def _makes_base(self, path: str, func: n.Expr) -> bool:
        """Whether *func* is ``declarative_base``, or a registry's ``generate_base``."""
        if self.meaning(path, func) == "declarative-base":
            return True
        return isinstance(func, n.Attribute) and func.attr in ("generate_base", "declarative_base")

    def becomes_base(self, cls: Class) -> bool:
        """Whether the declarative base made of a class takes its name: ``Base = declarative_base(cls=Base)``,
        ``Base = as_declarative()(Base)``.
        """
        bound = self.project.modules[cls.path].bindings.get(cls.name, ())
        calls = [stmt.value for stmt in bound if isinstance(stmt, n.Assign) and isinstance(stmt.value, n.Call)]
        return any(
            isinstance(of, n.Name) and of.id == cls.name for call in calls for of in self._made_of(cls.path, call)
        )

    def _made_of(self, path: str, call: n.Call) -> tuple[n.Expr, ...]:
        """What a call makes a declarative base of."""
        if isinstance(call.func, n.Call) and self.meaning(path, call.func) == "as-declarative":
            return call.args
        given = tuple(k.value for k in call.keywords if k.name == "cls")
        return given if given and self._makes_base(path, call.func) else ()

    def _returns_base(self, what: Definition | None) -> bool:
        """Whether a function of the project makes the base: it returns a call that does, or a class of its own."""
        if not (isinstance(what, Function) and what.words & _MAKES_BASES):
            return False
        returned = [stmt.value for stmt in statements(what.node.body) if isinstance(stmt, n.Return)]
        names = {value.id for value in returned if isinstance(value, n.Name)}
        made = [value for value in returned if isinstance(value, n.Call)]
        for stmt in statements(what.node.body):
            if isinstance(stmt, n.ClassDef) and stmt.name in names:
                marks = (*stmt.decorators, *stmt.bases)
                return any(self.meaning(what.path, mark) in _BASE_MARKS for mark in marks)
            if isinstance(stmt, n.Assign) and isinstance(stmt.value, n.Call) and names & set(bound_names(stmt)):
                made.append(stmt.value)
        return any(self.meaning(what.path, call.func) == "declarative-base" for call in made)

    def lineage(self, cls: Class) -> tuple[Class, ...]:
        """*cls* and its bases within the project, nearest first."""
        if cls not in self._lineages:
            found: list[Class] = []
            self._collect(cls, found, _MAX_HOPS)
            self._lineages[cls] = tuple(found)
        return self._lineages[cls]

    def _collect(self, cls: Class, found: list[Class], hops: int) -> None:
        if cls in found or not hops:
            return
        found.append(cls)
        for base in cls.node.bases:
            what = self._base(cls.path, base)
            if what is not None:
                self._collect(what, found, hops - 1)

    def _base(self, path: str, base: n.Expr) -> Class | None:
        """The class of the project that a base is, or that what made the base was given: ``declarative_base(cls=Own)``,
        ``SQLAlchemy(model_class=Own)``.
        """
        if isinstance(base, n.Subscript):
            base = base.value
        path, base = self.renamed(path, base)
        what = self.definition(path, base)
        if isinstance(what, Class):
            return what
        if isinstance(what, Variable):
            return self._given_as(what, "cls")
        if isinstance(base, n.Attribute) and base.attr == "Model" and self.is_flask_db(path, base.value):
            db = self.definition(path, base.value)
            return self._given_as(db, "model_class") if isinstance(db, Variable) else None
        return None

    def _given_as(self, what: Variable, name: str) -> Class | None:
        value = getattr(what.assigned[-1], "value", None)
        for _ in range(2):
            if not isinstance(value, n.Call):
                break
            value = next((k.value for k in value.keywords if k.name == name), None)
            name = "cls"
        given = self.definition(what.path, value) if isinstance(value, (n.Name, n.Attribute)) else None
        return given if isinstance(given, Class) else None

    @cached_property
    def subclasses(self) -> dict[Class, tuple[Class, ...]]:
        """The project's classes by each of their own bases."""
        found: dict[Class, tuple[Class, ...]] = {}
        for path in sorted(self.project.modules):
            for cls in self.project.modules[path].classes:
                for base in cls.node.bases:
                    what = self._base(path, base)
                    if what is not None:
                        found[what] = (*found.get(what, ()), cls)
        return found

    def below(self, cls: Class) -> tuple[Class, ...]:
        """The classes that extend *cls*, directly or not."""
        found: dict[Class, None] = {}
        pending = [cls]
        while pending:
            subclasses = self.subclasses.get(pending.pop(), ())
            pending += [sub for sub in subclasses if sub not in found]
            found |= dict.fromkeys(subclasses)
        return tuple(found)

    def external_bases(self, cls: Class) -> tuple[str, ...]:
        """The dotted names of the bases outside the project, its project bases' included."""
        found: list[str] = []
        for owner in self.lineage(cls):
            for base in owner.node.bases:
                dotted = self.dotted(owner.path, base.value if isinstance(base, n.Subscript) else base)
                if dotted is not None:
                    found.append(dotted)
        return tuple(found)


def _assigned(stmt: n.Stmt, name: str) -> n.Expr | None:
    """What an assignment gives to *name*."""
    if isinstance(stmt, n.Assign) and isinstance(stmt.targets[0], n.Sequence) and isinstance(stmt.value, n.Sequence):
        names, given = stmt.targets[0].items, stmt.value.items
        found = (value for target, value in zip(names, given) if isinstance(target, n.Name) and target.id == name)
        return next(found, None) if len(names) == len(given) else None
    return stmt.value if isinstance(stmt, (n.Assign, n.AnnAssign)) else None
