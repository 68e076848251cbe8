"""The declarative base that is to save its models: its form, the mixin in its file, and what is in the way."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from sqla_lint.codemods import imports
from sqla_lint.codemods.imports import Needed
from sqla_lint.codemods.layout import Rewrite, indentation, stands_alone, text_at
from sqla_lint.codemods.mixin_registry import RegistryPlan
from sqla_lint.codemods.shared_uses import where
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.index.module import Class, ModuleIndex, statements, walk
from sqla_lint.index.project import ModuleRef, Variable
from sqla_lint.lower import nodes as n

_METHODS = ("save", "update", "delete", "query", "_flush")
_NAMES = ("BaseMixin", "SessionMixin", "SavesItself")


class BasePlan(NamedTuple):
    """The base *stmt* (named *name*) of *module* gets the mixin *mixin*; *needed* imports the registry there.

    *queries* if the mixin is to have a ``query`` property: *late* if that can only be set behind the registry. *own* is
    a class of the project by which the models save themselves already: it stays.
    """

    module: ModuleIndex
    name: str
    stmt: n.ClassDef | n.Assign | n.AnnAssign
    mixin: str
    models: tuple[Class, ...]
    needed: Needed | None = None
    queries: bool = True
    late: bool = False
    own: Class | None = None
    has_query: bool = True

    @property
    def saves(self) -> bool:
        """Whether a model's ``save`` flushes, and commits nothing."""
        if self.own is None:
            return True
        words = frozenset().union(*(method.words for method in self.own.methods.values()))
        return "flush" in words and "commit" not in words and "update" in self.own.methods


def base(world: World, registry: RegistryPlan) -> BasePlan:
    """The project's declarative base.

    Raises:
        Refused: there is none, or more than one, or the mixin cannot stand in its file.
    """
    models = tuple(
        cls
        for path, module in sorted(world.project.modules.items())
        if not world.project.is_test(path)
        for cls in module.classes
        if world.mappings.is_mapped(cls) and world.mappings.base_of(cls) is not None
    )
    keys = {world.mappings.base_of(cls) for cls in models}
    if len(keys) != 1:
        raise Refused("the project has no declarative base" if not keys else "the project has more than one base")
    module, name, stmt = _statement(world, keys.pop(), registry)
    own = _own(world, module, stmt)
    if own is not None:
        queried = "query" in own.methods or "query" in own.assigned or _is_set(world, name, "query")
        late = module.path == registry.module.path
        return BasePlan(module, name, stmt, "", models, None, late and not queried, late, own, queried or late)
    if isinstance(stmt, (n.Assign, n.AnnAssign)) and isinstance(stmt.value, n.Call) and _keyword(stmt.value, "cls"):
        raise Refused("the declarative base has a class of its own")
    _check_names(world, models, module, name)
    needed, late = _reached(world, module, stmt, registry)
    mixin = next((name for name in _NAMES if name not in module.words), None)
    if registry.flask and not isinstance(stmt, n.ClassDef):
        needed = imports.needed(module, "flask_sqlalchemy.model", "Model")
        if needed is None:
            raise Refused("`Model` means something else in the file of the declarative base")
    if mixin is None or not stands_alone(module.source, stmt):
        raise Refused(f"the base at {where(world, module.path, stmt.pos)} cannot be edited")
    return BasePlan(module, name, stmt, mixin, models, needed, not registry.flask, late)


def _statement(
    world: World, key: object, registry: RegistryPlan
) -> tuple[ModuleIndex, str, n.ClassDef | n.Assign | n.AnnAssign]:
    if isinstance(key, tuple) and len(key) == 3:
        module = world.project.modules[str(key[0])]
        cls = next(cls for cls in module.classes if cls.key == key)
        if cls.node not in module.node.body:
            raise Refused("the declarative base is made in a function")
        return module, cls.name, cls.node
    if not isinstance(key, tuple) or len(key) != 2:
        raise Refused("the declarative base is not the project's own")
    what = world.project.lookup(str(key[0]), str(key[1]))
    stmt = what.assigned[0] if isinstance(what, Variable) and len(what.assigned) == 1 else None
    if not isinstance(stmt, (n.Assign, n.AnnAssign)) or not isinstance(stmt.value, n.Call):
        raise Refused("the declarative base is not made by a plain call")
    module = world.project.modules[str(key[0])]
    if registry.flask:
        return _flask_base(world, module, str(key[1]), stmt)
    if world.names.meaning(module.path, stmt.value.func) != "declarative-base":
        raise Refused("the declarative base is made in a way that is not known")
    return module, str(key[1]), stmt


def _flask_base(
    world: World, module: ModuleIndex, name: str, stmt: n.Assign | n.AnnAssign
) -> tuple[ModuleIndex, str, n.ClassDef | n.Assign | n.AnnAssign]:
    """The class that Flask-SQLAlchemy's object is given as its ``model_class``."""
    assert isinstance(stmt.value, n.Call)
    given = _keyword(stmt.value, "model_class")
    if given is None:
        return module, name, stmt
    cls = world.names.definition(module.path, given)
    if not isinstance(cls, Class):
        raise Refused("the model_class is not a class of the project")
    return world.project.modules[cls.path], cls.name, cls.node


def _keyword(call: n.Call, name: str) -> n.Expr | None:
    return next((k.value for k in call.keywords if k.name == name), None)


def _check_names(world: World, models: tuple[Class, ...], module: ModuleIndex, name: str) -> None:
    """No model may have one of the mixin's names itself."""
    root = next((cls for cls in module.classes if cls.name == name), None)
    for cls in (*models, *((root,) if root is not None else ())):
        for method in _METHODS:
            owned = any(method in c.methods or method in c.assigned for c in world.names.lineage(cls))
            if owned or world.mappings.relationship(cls, method) is not None:
                place = where(world, cls.path, cls.node.pos)
                raise Refused(f"{cls.name} has a `{method}` of its own ({place})")
    for method in _METHODS:
        if _is_set(world, name, method):
            raise Refused(f"{name} has a `{method}` of its own")


def _own(world: World, module: ModuleIndex, stmt: n.ClassDef | n.Assign | n.AnnAssign) -> Class | None:
    """The class that the base has of its own, if its models save, change and delete themselves by it."""
    given: n.Expr | None = None
    if not isinstance(stmt, n.ClassDef):
        given = _keyword(stmt.value, "cls") if isinstance(stmt.value, n.Call) else None
        candidates = [world.names.definition(module.path, given)] if given is not None else []
    else:
        root = next(cls for cls in module.classes if cls.node is stmt)
        candidates = list(world.names.lineage(root))
    for cls in candidates:
        if isinstance(cls, Class) and {"save", "delete"} <= cls.methods.keys():
            return cls
    return None


def _is_set(world: World, name: str, attribute: str) -> bool:
    """Whether a statement sets *attribute* on the base: ``Base.query = ...``."""
    for module in world.project.modules.values():
        for stmt in module.node.body:
            for target in stmt.targets if isinstance(stmt, n.Assign) else ():
                if isinstance(target, n.Attribute) and target.attr == attribute and _names(target.value) == name:
                    return True
    return False


def _names(expr: n.Expr) -> str:
    return expr.id if isinstance(expr, n.Name) else expr.attr if isinstance(expr, n.Attribute) else ""


# --- the registry where the base is


def _reached(world: World, module: ModuleIndex, stmt: n.Stmt, registry: RegistryPlan) -> tuple[Needed | None, bool]:
    """(the import of the registry, whether it exists only behind the base)."""
    if module.path == registry.module.path:
        return None, registry.stmt.pos > stmt.pos
    known = world.project.lookup(module.path, registry.name)
    if isinstance(known, Variable) and (known.path, known.name) == (registry.module.path, registry.name):
        return None, False
    if _imports(world, registry.module.path, module.path):
        files = f"{where(world, registry.module.path, registry.stmt.pos)} and {where(world, module.path, stmt.pos)}"
        raise Refused(f"the base's file cannot import the registry, whose file imports it ({files})")
    package, level = _package(world, module, registry.module)
    needed = imports.needed(module, package, registry.name, level=level)
    if needed is None:
        raise Refused(f"{registry.name} means something else in {where(world, module.path, stmt.pos)}")
    return needed, False


def _imports(world: World, path: str, other: str) -> bool:
    """Whether *path* imports *other*, through any number of files."""
    seen, work = {other}, [other]
    while work:
        for importer in world.project.importers.get(work.pop(), ()):
            if importer == path:
                return True
            if importer not in seen:
                seen.add(importer)
                work.append(importer)
    return False


def _package(world: World, module: ModuleIndex, target: ModuleIndex) -> tuple[str, int]:
    """How *module* writes *target* in an import: as it or another file of its folder does, else as a neighbour."""
    folder = os.path.dirname(module.path)
    near = sorted(world.project.modules, key=lambda path: (path != module.path, os.path.dirname(path) != folder, path))
    for path in near:
        for stmt in world.project.modules[path].node.body:
            if isinstance(stmt, n.ImportFrom) and stmt.module and (not stmt.level or os.path.dirname(path) == folder):
                for importer in (path, module.path):
                    found = world.project.module(importer, stmt.module, stmt.level)
                    if not (isinstance(found, ModuleRef) and found.path == target.path):
                        break
                else:
                    return stmt.module, stmt.level
    if os.path.dirname(target.path) != folder:
        raise Refused("how the base's file could import the registry is not known")
    stem = os.path.basename(target.path).removesuffix(".py")
    return stem, 1 if os.path.join(folder, "__init__.py") in world.project.modules else 0


# --- the text


def write(rewrite: Rewrite, plan: BasePlan, registry: RegistryPlan) -> None:
    """Put the mixin ahead of the base, and into its bases."""
    if plan.own is not None:
        _broaden(rewrite, plan.own, registry)
    else:
        _add_mixin(rewrite, plan, registry)
    if plan.queries and plan.late:
        last = max(registry.stmt.pos[2], plan.stmt.pos[2])
        rewrite.insert_before(last + 1, f"{plan.name}.query = {registry.session}.query_property()")


def _add_mixin(rewrite: Rewrite, plan: BasePlan, registry: RegistryPlan) -> None:
    first = min([plan.stmt.pos[0], *(d.pos[0] for d in getattr(plan.stmt, "decorators", ()))])
    while first > 1 and rewrite.before[first - 2].startswith("#"):
        first -= 1
    blank = sum(1 for _ in takewhile(lambda line: not line.strip(), reversed(rewrite.before[: first - 1])))
    for line in [*[""] * (2 - blank if first - 1 > blank else 0), *_mixin(plan, registry, _unit(plan)), "", ""]:
        rewrite.insert_before(first, line)
    if isinstance(plan.stmt, n.ClassDef):
        _into_bases(rewrite, plan.stmt, plan.mixin)
    else:
        assert isinstance(plan.stmt.value, n.Call)
        _into_call(rewrite, plan.stmt.value, f"{'model_class' if registry.flask else 'cls'}={plan.mixin}")


def _broaden(rewrite: Rewrite, own: Class, registry: RegistryPlan) -> None:
    """Let the base's own handlers roll back whatever a flush raises, not some of it."""
    for method in own.methods.values():
        for stmt in statements(method.node.body):
            for handler in stmt.handlers if isinstance(stmt, n.Try) else ():
                rolls = any(getattr(getattr(c, "func", None), "attr", "") == "rollback" for c in walk(handler.body))
                raises = isinstance(handler.body[-1], n.Raise) and handler.body[-1].exc is None
                if rolls and raises and handler.type is not None and handler.type.pos[0] == handler.type.pos[2]:
                    rewrite.replace(handler.type.pos, "Exception")


def _unit(plan: BasePlan) -> str:
    """One step of indentation, as the file takes it."""
    body = next((cls.node.body[0] for cls in plan.module.classes if cls.node.body[0].pos[0] > cls.node.pos[0]), None)
    return indentation(plan.module.source[body.pos[0] - 1]) if body is not None else "    "


def _mixin(plan: BasePlan, registry: RegistryPlan, unit: str) -> Iterator[str]:
    known = plan.needed.spelling if plan.needed is not None and not registry.flask else registry.name
    session = registry.session if registry.flask else known
    bases = f"({plan.needed.spelling})" if registry.flask and plan.needed is not None else ""
    query = [f"query = {session}.query_property()", ""] if plan.queries and not plan.late else []
    body = [
        '"""Models that save, change and delete themselves; committing is left to who began the work."""',
        "",
        *query,
        "def save(self):",
        f"{unit}{session}.add(self)",
        f"{unit}self._flush()",
        f"{unit}return self",
        "",
        "def update(self, **values):",
        f"{unit}for name, value in values.items():",
        f"{unit}{unit}setattr(self, name, value)",
        f"{unit}return self.save()",
        "",
        "def delete(self):",
        f"{unit}{session}.delete(self)",
        f"{unit}self._flush()",
        "",
        "def _flush(self):",
        f"{unit}try:",
        f"{unit}{unit}{session}.flush()",
        f"{unit}except Exception:",
        f"{unit}{unit}{session}.rollback()",
        f"{unit}{unit}raise",
    ]
    yield f"class {plan.mixin}{bases}:"
    yield from (f"{unit}{line}" if line else "" for line in body)


def _into_bases(rewrite: Rewrite, cls: n.ClassDef, mixin: str) -> None:
    if cls.bases:
        first = cls.bases[0].pos
        rewrite.replace((first[0], first[1], first[0], first[1]), f"{mixin}, ")
        return
    raise Refused(f"{cls.name} has no bases to add to")


def _into_call(rewrite: Rewrite, call: n.Call, keyword: str) -> None:
    text = text_at(rewrite.before, call.pos)
    inside = text[len(text_at(rewrite.before, call.func.pos)) :].strip()[1:-1]
    last = call.pos[2:]
    given = inside.rstrip()
    closing = rewrite.before[last[0] - 1][: last[1] - 1]
    if given.endswith(",") and "\n" in inside and not closing.strip():
        margin = indentation(rewrite.before[last[0] - 2])
        rewrite.insert_before(last[0], f"{margin}{keyword},")
        return
    if "\n" in given or given.endswith(","):
        raise Refused(f"the call that makes the base is written in a way that cannot be extended (line {call.pos[0]})")
    rewrite.replace((last[0], last[1] - 1, last[0], last[1] - 1), f"{', ' if given else ''}{keyword}")
