"""The project's linked view: every file's index, and names followed through imports, re-exports and star imports.

Whatever one file's analysis asks about other files goes through here and is recorded, also what was *not* found: a
finding stays valid exactly as long as the same questions have the same answers.
"""

from __future__ import annotations

import builtins
import os.path
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from sqla_lint.index.module import Class, Function, Imported, ModuleIndex, statements
from sqla_lint.lower import nodes as n

# How many re-exports a name is followed through before it counts as unknown.
_MAX_HOPS = 12

# Top-level names that mean what everybody means by them, unless the project has them at an import root.
_OUTSIDE = sys.stdlib_module_names | {
    "sqlalchemy",
    "sqlmodel",
    "flask",
    "flask_sqlalchemy",
    "fastapi",
    "pydantic",
    "alembic",
    "pytest",
    "click",
}

# Packages whose modules are imported with a star, and what else a name may be then is not asked.
_STARRED = ("sqlalchemy", "sqlmodel", "marshmallow")


@dataclass(frozen=True)
class External:
    """A name from outside the project, by its dotted name as imported (``sqlalchemy.orm.Session``)."""

    name: str


@dataclass(frozen=True)
class ModuleRef:
    """A module or package of the project (the path of its file)."""

    path: str


@dataclass(frozen=True)
class Package:
    """A folder of the project without an ``__init__.py``."""

    folder: str


@dataclass(frozen=True, eq=False)
class Variable:
    """A module-level name that statements assign."""

    path: str
    name: str
    assigned: tuple[n.Stmt, ...]


Definition: TypeAlias = "External | ModuleRef | Package | Variable | Function | Class"


class Project:
    """All files of one project, or those of one part of a *whole* one (see :mod:`sqla_lint.index.connected`), in which
    its imports are resolved then. Answers are pure functions of the files; *asked* records the questions.
    """

    def __init__(self, root: str, modules: Mapping[str, ModuleIndex], whole: Project | None = None) -> None:
        self.root = root
        self.modules = modules
        self.whole = self if whole is None else whole
        self.asked: dict[tuple[str, str], object] = {}
        self._resolved: dict[tuple[str, str], Definition | None] = {}
        self._module_paths: dict[tuple[str, str, int], Definition | None] = {}
        self._tests: dict[str, bool] = {}
        self._users: dict[str, frozenset[str]] = {}

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file of the project, directly or deeper."""
        found: set[str] = set()
        for path in self.modules:
            folder = os.path.dirname(path)
            while folder not in found and len(folder) >= len(self.root):
                found.add(folder)
                folder = os.path.dirname(folder)
        return frozenset(found)

    @cached_property
    def by_suffix(self) -> dict[str, list[str]]:
        """Files by their last component without ``.py`` (a package's by its folder's name)."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.modules):
            stem = path[: -len("/__init__.py")] if path.endswith("/__init__.py") else path.removesuffix(".py")
            found.setdefault(stem.rsplit("/", 1)[-1], []).append(stem)
        return found

    # --- modules

    def module(self, importer: str, dotted: str, level: int = 0) -> Definition | None:
        """The project module that *importer* means by ``dotted``; None where it is not the project's (or ambiguous)."""
        if self.whole is not self:
            return self.whole.module(importer, dotted, level)
        key = (os.path.dirname(importer), dotted, level)
        if key not in self._module_paths:
            self._module_paths[key] = self._find_module(importer, dotted, level)
        return self._module_paths[key]

    def _find_module(self, importer: str, dotted: str, level: int) -> Definition | None:
        parts = dotted.split(".") if dotted else []
        folder = os.path.dirname(importer)
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return self._at(os.path.join(folder, *parts))
        outside = parts[0] in _OUTSIDE
        while len(folder) >= len(self.root):
            if outside and folder + "/__init__.py" in self.modules:
                # A package's folder is no import root: ``logging`` means Python's there, not the module beside it.
                folder = os.path.dirname(folder)
                continue
            for base in (folder, os.path.join(folder, "src")):
                found = self._at(os.path.join(base, *parts))
                # A folder of the same name as an installed package proves nothing: only a file does.
                if found is not None and os.path.join(base, *parts) + ".py" != importer:
                    if not isinstance(found, Package) or self._at(os.path.join(base, parts[0])) is not None:
                        return found
            parent = os.path.dirname(folder)
            if parent == folder:
                break
            folder = parent
        return self._by_unique_suffix(parts)

    def _by_unique_suffix(self, parts: list[str]) -> Definition | None:
        """A dotted name whose file ends like it, where only one file of the project does (``lib/app/models.py``)."""
        if len(parts) < 2:
            return None
        tail = "/" + "/".join(parts)
        stems = [stem for stem in self.by_suffix.get(parts[-1], ()) if stem.endswith(tail)]
        # What lies in a package is not imported from there: ``requests.exceptions`` is no file of ``app/requests/``.
        stems = [stem for stem in stems if f"{stem.removesuffix(tail)}/__init__.py" not in self.modules]
        return self._at(stems[0]) if len(stems) == 1 else None

    def _at(self, stem: str) -> Definition | None:
        for path in (stem + ".py", stem + "/__init__.py"):
            if path in self.modules:
                return ModuleRef(path)
        return Package(stem) if stem in self.folders and stem != self.root else None

    # --- names

    def lookup(self, path: str, name: str) -> Definition | None:
        """What *name* means at module level of *path*, imports followed; None where that is not known."""
        key = (path, name)
        if key not in self._resolved:
            self._resolved[key] = None  # an import cycle ends here
            self._resolved[key] = self._lookup(path, name, _MAX_HOPS)
        self.asked[key] = self._resolved[key]
        return self._resolved[key]

    def _lookup(self, path: str, name: str, hops: int) -> Definition | None:
        module = self.modules.get(path)
        if module is None or hops == 0:
            return None
        found = module.bindings.get(name)
        if found is None:
            return self._through_stars(module, name, hops)
        last = self._preferred(found)
        if isinstance(last, Imported):
            return self._imported(path, last, hops)
        if isinstance(last, (Function, Class)):
            return last
        assigned = tuple(b for b in found if not isinstance(b, (Function, Class, Imported)))
        return Variable(path, name, assigned)

    @staticmethod
    def _preferred(found: tuple[object, ...]) -> object:
        """Of several bindings: the last that defines something.

        ``try: import x / except: x = None`` means the import.
        """
        defining = [b for b in found if isinstance(b, (Function, Class, Imported))]
        return defining[-1] if defining else found[-1]

    def _through_stars(self, module: ModuleIndex, name: str, hops: int) -> Definition | None:
        if name.startswith("_") or hasattr(builtins, name):
            return None
        for star in reversed(module.stars):
            target = self.module(module.path, star.module, star.level)
            if isinstance(target, ModuleRef) and target.path != module.path:
                found = self._lookup(target.path, name, hops - 1)
                if found is not None:
                    return found
            elif target is None and not star.level and star.module.split(".")[0] in _STARRED:
                return External(f"{star.module}.{name}")
        return None

    def _imported(self, path: str, what: Imported, hops: int) -> Definition | None:
        target = self.module(path, what.module, what.level)
        if what.name is None:
            return target if target is not None else External(what.module)
        if target is None:
            return None if what.level else External(f"{what.module}.{what.name}")
        found = self._member(target, what.name, hops)
        if found is None and isinstance(target, Package) and not what.level:
            # An installed package goes before a folder of its name that is none (``alembic/``, the migrations').
            return External(f"{what.module}.{what.name}")
        return found

    def _member(self, owner: Definition, name: str, hops: int = _MAX_HOPS) -> Definition | None:
        if isinstance(owner, ModuleRef):
            found = self._lookup(owner.path, name, hops - 1)
            if found is not None:
                return found
            if owner.path.endswith("/__init__.py"):
                folder = os.path.dirname(owner.path)
                return self.whole._at(os.path.join(folder, name)) or self._when_asked(owner.path, folder, name)
        if isinstance(owner, Package):
            return self.whole._at(os.path.join(owner.folder, name))
        return None

    def _when_asked(self, path: str, folder: str, name: str) -> Definition | None:
        """What a package's ``__getattr__`` gives, which imports its modules when they are needed: the one definition of
        that name in them.
        """
        if path not in self.modules or "__getattr__" not in self.modules[path].bindings:
            return None
        below = (module for at, module in self.modules.items() if at.startswith(f"{folder}/"))
        found = [one for module in below for one in module.bindings.get(name, ()) if isinstance(one, (Class, Function))]
        return found[0] if len(found) == 1 else None

    def member(self, owner: Definition, name: str) -> Definition | None:
        """What the attribute *name* of a module or package is."""
        return self._member(owner, name)

    # --- callers

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function of the project, in a fixed order."""
        found = [f for path in sorted(self.modules) for f in self.modules[path].functions]
        return tuple(found)

    @cached_property
    def functions_by_word(self) -> Mapping[str, list[Function]]:
        """Functions by each word in their text."""
        found: dict[str, list[Function]] = {}
        for function in self.functions:
            for word in function.words:
                found.setdefault(word, []).append(function)
        return found

    @cached_property
    def importers(self) -> Mapping[str, tuple[str, ...]]:
        """Files by the project's files, and folders, that they import from (re-exports not followed)."""
        found: dict[str, set[str]] = {}
        for path, module in self.modules.items():
            for target in self.imported(module):
                found.setdefault(target.path if isinstance(target, ModuleRef) else target.folder, set()).add(path)
        return {path: tuple(sorted(importers)) for path, importers in found.items()}

    def users(self, path: str) -> frozenset[str]:
        """The file itself, and all that import from it or from a package that it is in."""
        if path not in self._users:
            found = {path, *self.importers.get(path, ())}
            folder = os.path.dirname(path)
            while len(folder) >= len(self.root):
                found.update(self.importers.get(folder, ()), self.importers.get(folder + "/__init__.py", ()))
                folder = os.path.dirname(folder)
            self._users[path] = frozenset(found)
        return self._users[path]

    def imported(self, module: ModuleIndex) -> Iterator[ModuleRef | Package]:
        """What a file imports, or imports from: files and folders of the project; its functions' imports included."""
        everything = [b for found in module.bindings.values() for b in found] + list(module.stars)
        inner = [imported for f in module.functions for imported in local_imports(f).values()]
        for what in everything + inner:
            if isinstance(what, Imported):
                target = self.module(module.path, what.module, what.level)
                member = self._member(target, what.name) if target is not None and what.name is not None else None
                yield from (one for one in (target, member) if isinstance(one, (ModuleRef, Package)))

    def is_test(self, path: str) -> bool:
        """Whether a file is a test: below a ``tests``/``test`` folder, or named so. Only below the project's root."""
        if path not in self._tests:
            self._tests[path] = self._is_test(path)
        return self._tests[path]

    def _is_test(self, path: str) -> bool:
        parts = os.path.relpath(path, self.root).split("/")
        name = parts[-1]
        in_folder = any(part in ("tests", "test", "testing") for part in parts[:-1])
        return in_folder or name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


def local_imports(function: Function) -> dict[str, Imported]:
    """The imports in a function's own body, by the name they bind."""
    if "import" not in function.words:
        return {}
    from sqla_lint.index.module import imports

    found: dict[str, Imported] = {}
    for stmt in statements(function.node.body):
        if isinstance(stmt, (n.Import, n.ImportFrom)):
            found.update(dict(imports(stmt)))
    return found
