"""Where a name of a module is used in the whole project: in which functions, under which spelling, and where else."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from typing import NamedTuple

from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.index.module import Function, ModuleIndex, statements, walk
from sqla_lint.index.project import Variable, local_imports
from sqla_lint.lower import nodes as n

# Calls that take an attribute's name as their second argument: ``patch.object(db, "session")`` is one.
_BY_NAME = frozenset({"getattr", "setattr", "hasattr", "delattr", "object"})


class Uses(NamedTuple):
    """The mentions of one module-level name: by function, and the import statements that bring it into other files.

    *ended* are functions that would have nothing left to do without it.
    """

    name: str
    path: str
    functions: dict[Function, tuple[n.Expr, ...]]
    imports: tuple[tuple[str, n.ImportFrom], ...]
    ended: tuple[Function, ...] = ()

    @property
    def paths(self) -> list[str]:
        """Every file that mentions it."""
        found = {self.path, *(path for path, _ in self.imports), *(f.path for f in (*self.functions, *self.ended))}
        return sorted(found)


def uses_of(world: World, module: ModuleIndex, name: str, binding: n.Stmt) -> Uses:
    """Every use of *name*, which *binding* binds in *module*.

    Raises:
        Refused: it is used where a function's scope does not reach, or other code may count on the name.
    """
    functions: dict[Function, tuple[n.Expr, ...]] = {}
    imported: list[tuple[str, n.ImportFrom]] = []
    for path, other in sorted(world.project.modules.items()):
        if name not in other.words:
            continue
        _check_strings(world, other, module, name)
        aliases = _aliases(world, other, module, name)
        imported += [(path, stmt) for stmt in _import_statements(world, other, module, name)]
        for node in _mentions(world, other, module, name, aliases):
            if binding.pos[:2] <= node.pos[:2] < binding.pos[2:] and path == module.path:
                continue
            function = _around(other, node.pos)
            if function is None or _is_in_signature(function, node.pos):
                raise Refused(f"it is used at module or class level ({where(world, path, node.pos)})")
            functions[function] = (*functions.get(function, ()), node)
        _check_local_imports(world, other, module, name)
    _check_strangers(world, module, name)
    return Uses(name, module.path, functions, tuple(imported))


def where(world: World, path: str, pos: n.Pos) -> str:
    """A place, for a message."""
    return f"{os.path.relpath(path, world.project.root)}:{pos[0]}"


def _is_it(world: World, what: object, module: ModuleIndex, name: str) -> bool:
    return isinstance(what, Variable) and what.path == module.path and what.name == name


def _aliases(world: World, other: ModuleIndex, module: ModuleIndex, name: str) -> frozenset[str]:
    """The names under which a file knows it."""
    known = {bound for bound in other.bindings if _is_it(world, world.project.lookup(other.path, bound), module, name)}
    if other.stars and _is_it(world, world.project.lookup(other.path, name), module, name):
        known.add(name)
    return frozenset(known)


def _mentions(
    world: World, other: ModuleIndex, module: ModuleIndex, name: str, aliases: frozenset[str]
) -> Iterator[n.Expr]:
    for node in walk(other.node.body):
        if isinstance(node, n.Name) and node.id in aliases:
            function = _around(other, node.pos)
            if not (function is not None and _is_hidden(world, function, node.id)):
                yield node
        elif isinstance(node, n.Attribute) and node.attr == name:
            if _is_it(world, world.names.definition(other.path, node), module, name):
                yield node


def _is_hidden(world: World, function: Function, name: str) -> bool:
    around: Function | None = function
    while around is not None:
        if name in around.globals:
            return False
        if name in world.local_names(around) or any(param.name == name for param in around.node.params):
            return True
        around = around.outer
    return False


def _around(module: ModuleIndex, pos: n.Pos) -> Function | None:
    """The innermost function whose text *pos* is in."""
    found = [f for f in module.functions if f.node.pos[:2] <= pos[:2] and pos[2:] <= f.node.pos[2:]]
    return max(found, key=lambda f: f.node.pos[:2], default=None)


def _is_in_signature(function: Function, pos: n.Pos) -> bool:
    return pos[:2] < function.node.body[0].pos[:2]


def _import_statements(world: World, other: ModuleIndex, module: ModuleIndex, name: str) -> Iterator[n.ImportFrom]:
    """The statements by which *other* imports it.

    Raises:
        Refused: they hand it on to others.
    """
    for stmt in statements(other.node.body):
        if not isinstance(stmt, n.ImportFrom):
            continue
        for imported, alias in stmt.names:
            bound = alias or imported
            if imported == "*" or not _is_it(world, world.project.lookup(other.path, bound), module, name):
                continue
            if other.path.endswith("__init__.py") and not any(
                isinstance(node, n.Name) and node.id == bound for node in walk(other.node.body)
            ):
                raise Refused(f"it is exported by {where(world, other.path, stmt.pos)}")
            target = world.project.module(other.path, stmt.module or "", stmt.level)
            if getattr(target, "path", None) != module.path:
                raise Refused(
                    f"it is imported from another file that exports it ({where(world, other.path, stmt.pos)})"
                )
            if bound in _exported(other):
                raise Refused(f"it is exported by {where(world, other.path, stmt.pos)}")
            yield stmt


def _check_strings(world: World, other: ModuleIndex, module: ModuleIndex, name: str) -> None:
    """Names in ``__all__`` and dotted names in strings, as for ``patch("app.database.session")``."""
    if other is module and name in _exported(module):
        raise Refused("`__all__` exports it")
    ends = _dotted(module, name)
    for node in walk(other.node.body):
        if (
            isinstance(node, n.Call)
            and n.last_part(node.func) in _BY_NAME
            and any(_says(arg, name) for arg in node.args[1:2])
        ):
            raise Refused(f"a string names it ({where(world, other.path, node.pos)})")
        if isinstance(node, n.Constant) and isinstance(node.value, str) and node.value.endswith(ends):
            raise Refused(f"a string names it ({where(world, other.path, node.pos)})")


def _check_strangers(world: World, module: ModuleIndex, name: str) -> None:
    """As :func:`_check_strings`, in the files that no import connects with *module*."""
    ends = tuple(_dotted(module, name) + quote for quote in "\"'")
    for path, other in sorted(world.project.whole.modules.items()):
        if path in world.project.modules or name not in other.words:
            continue
        for line, text in enumerate(other.source, 1):
            if any(end in text for end in ends):
                raise Refused(f"a string names it ({where(world, path, (line, 0, line, 0))})")


def _dotted(module: ModuleIndex, name: str) -> str:
    """How a string that names it ends."""
    stem = os.path.basename(module.path.removesuffix("/__init__.py").removesuffix(".py"))
    return f"{stem}.{name}"


def _says(expr: n.Expr, name: str) -> bool:
    return isinstance(expr, n.Constant) and expr.value == name


def _exported(module: ModuleIndex) -> frozenset[str]:
    bound = [b for b in module.bindings.get("__all__", ()) if isinstance(b, (n.Assign, n.AnnAssign, n.AugAssign))]
    return frozenset(
        str(node.value) for stmt in bound for node in walk((stmt,)) if isinstance(node, n.Constant) and node.value
    )


def _check_local_imports(world: World, other: ModuleIndex, module: ModuleIndex, name: str) -> None:
    for function in other.functions:
        if name in function.words:
            for what in local_imports(function).values():
                target = world.project.module(other.path, what.module, what.level)
                if what.name == name and getattr(target, "path", None) == module.path:
                    raise Refused(f"it is imported in a function ({where(world, other.path, function.node.pos)})")
