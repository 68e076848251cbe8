"""How a file can write a mapped class: as it does already, else by one more import beside those of its like."""

from __future__ import annotations

import os.path
from collections.abc import Iterator

from sqla_lint.codemods import imports
from sqla_lint.codemods.imports import Needed
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.index.module import Class, Function, Imported, ModuleIndex
from sqla_lint.index.project import ModuleRef, Project, local_imports
from sqla_lint.lower import nodes as n


def class_name(world: World, module: ModuleIndex, function: Function | None, cls: Class, beside: n.Expr) -> Needed:
    """How *function* of *module* can write *cls*.

    Args:
        world: the project.
        module: the file.
        function: where it is to be written; None for the module's own statements.
        cls: the class.
        beside: another mapped class as the function writes it.

    Raises:
        Refused: there is no name for it, and importing it is not certain to work.
    """
    if "." in cls.qualname:
        raise Refused(f"{cls.qualname} has no name of its own to write")
    project = world.project
    own = world.local_names(function) if function is not None else frozenset()
    candidates = [cls.name, *(name for name in module.bindings if name != cls.name)]
    for name in candidates:
        if name not in own and project.lookup(module.path, name) is cls:
            return Needed(name)
    if function is not None:
        for name, what in local_imports(function).items():
            if _imported(project, module, what) is cls:
                return Needed(name)
    if isinstance(beside, n.Attribute) and isinstance(beside.value, n.Name):
        owner = world.names.definition(module.path, beside.value)
        if isinstance(owner, ModuleRef) and project.member(owner, cls.name) is cls:
            return Needed(f"{beside.value.id}.{cls.name}")
    return _new(world, module, function, cls, beside)


def _imported(project: Project, module: ModuleIndex, what: Imported) -> object:
    target = project.module(module.path, what.module, what.level)
    return project.member(target, what.name) if target is not None and what.name is not None else None


def _new(world: World, module: ModuleIndex, function: Function | None, cls: Class, beside: n.Expr) -> Needed:
    """*cls* imported the way the class *beside* is."""
    project = world.project
    bound = module.bindings.get(beside.id, ()) if isinstance(beside, n.Name) else ()
    how = next((one for one in bound if isinstance(one, Imported) and one.name is not None), None)
    if how is None or cls.path == module.path:
        raise Refused(f"{cls.name} is not imported in {os.path.basename(module.path)}")
    places = [(how.module, how.level)]
    parent, dot, _ = how.module.rpartition(".")
    stem = os.path.splitext(os.path.basename(cls.path))[0]
    places.append((f"{parent}{dot}{stem}", how.level))
    for dotted, level in (*_defining(project, module, cls, places), *places):
        target = project.module(module.path, dotted, level)
        if isinstance(target, ModuleRef) and project.member(target, cls.name) is cls:
            if _leads_to(project, target.path, module.path):
                raise Refused(f"importing {cls.name} there would be circular")
            found = imports.needed(module, dotted, cls.name, function=function, level=level)
            if found is not None:
                return found
    raise Refused(f"{cls.name} is not imported in {os.path.basename(module.path)}")


def _defining(
    project: Project, module: ModuleIndex, cls: Class, places: list[tuple[str, int]]
) -> Iterator[tuple[str, int]]:
    """Where a module of *places* has *cls* from, if it only imports it for itself; a package may mean to pass it on."""
    for dotted, level in places:
        target = project.module(module.path, dotted, level)
        if not isinstance(target, ModuleRef) or os.path.basename(target.path) == "__init__.py":
            continue
        bound = project.modules[target.path].bindings.get(cls.name, ())
        yield from ((one.module, 0) for one in bound if isinstance(one, Imported) and one.level == 0)


def _leads_to(project: Project, start: str, end: str) -> bool:
    """Whether importing *start* may import *end*, directly or not."""
    seen: set[str] = set()
    work = [end]
    while work:
        path = work.pop()
        for importer in project.importers.get(path, ()):
            if importer not in seen:
                seen.add(importer)
                work.append(importer)
    return start in seen
