"""Which classes of the project are schemas, of Pydantic or of marshmallow."""

from __future__ import annotations

from functools import cached_property

from sqla_lint import serializer_api as api
from sqla_lint.index.mapped import Mappings
from sqla_lint.index.module import Class
from sqla_lint.index.names import Names
from sqla_lint.index.project import Variable
from sqla_lint.index.shapes import Field, Schema
from sqla_lint.lower import nodes as n

_KINDS = frozenset({"model", "root-model", "schema", "auto-schema"})


class Serializers:
    """The project's schemas. All answers are pure functions of the project."""

    def __init__(self, names: Names, mappings: Mappings) -> None:
        self.names = names
        self.mappings = mappings
        self._kinds: dict[Class, str | None] = {}
        # What has been worked out of each use of a schema.
        self.fields: dict[Schema, tuple[Field, ...]] = {}

    def meaning(self, path: str, expr: n.Expr) -> str | None:
        """What a name means to a serializer (see :func:`serializer_api.meaning`), Flask-Marshmallow's ``ma.x`` too."""
        dotted = self.names.dotted(path, expr)
        if dotted is not None:
            return api.meaning(dotted)
        func = expr.func if isinstance(expr, n.Call) else expr
        if isinstance(func, n.Attribute) and self._is_extension(path, func.value):
            return api.meaning(f"flask_marshmallow.{func.attr}")
        return None

    def _is_extension(self, path: str, expr: n.Expr) -> bool:
        what = self.names.definition(path, expr)
        if not isinstance(what, Variable):
            return False
        values = [getattr(stmt, "value", None) for stmt in what.assigned]
        return any(isinstance(v, n.Call) and self.meaning(what.path, v.func) == "extension" for v in values)

    def kind(self, cls: Class) -> str | None:
        """``model`` (Pydantic's), ``schema`` or ``auto-schema`` (marshmallow's); None for any other class."""
        if cls not in self._kinds:
            self._kinds[cls] = self._kind(cls)
        return self._kinds[cls]

    def _kind(self, cls: Class) -> str | None:
        if not cls.node.bases or self.mappings.is_mapped(cls):
            return None
        found = {
            self.meaning(owner.path, base.value if isinstance(base, n.Subscript) else base)
            for owner in self.names.lineage(cls)
            for base in owner.node.bases
        } & _KINDS
        return next((kind for kind in ("root-model", "auto-schema", "schema", "model") if kind in found), None)

    def is_model(self, cls: Class) -> bool:
        """Whether *cls* is a Pydantic model (a SQLModel without a table is one)."""
        return self.kind(cls) in ("model", "root-model")

    def is_marshmallow(self, cls: Class) -> bool:
        return self.kind(cls) in ("schema", "auto-schema")

    @cached_property
    def all(self) -> tuple[Class, ...]:
        """Every schema of the project, in a fixed order; none is looked for where no file knows a library of them."""
        modules = self.names.project.modules
        if not any(module.words & api.PACKAGES for module in modules.values()):
            return ()
        return tuple(cls for path in sorted(modules) for cls in modules[path].classes if self.kind(cls) is not None)

    @cached_property
    def _by_name(self) -> dict[str, tuple[Class, ...]]:
        found: dict[str, tuple[Class, ...]] = {}
        for cls in self.all:
            if self.is_marshmallow(cls):
                found[cls.name] = (*found.get(cls.name, ()), cls)
        return found

    def by_name(self, name: str, path: str) -> Class | None:
        """The one schema that marshmallow's registry knows by a name, dotted or not; of several, that of the file."""
        found = self._by_name.get(name.rpartition(".")[2], ())
        if len(found) > 1 and "." not in name:
            found = tuple(cls for cls in found if cls.path == path)
        if len(found) > 1 and "." in name:
            stem = "/" + name.rpartition(".")[0].replace(".", "/")
            found = tuple(cls for cls in found if cls.path.removesuffix(".py").removesuffix("/__init__").endswith(stem))
        return found[0] if len(found) == 1 else None
