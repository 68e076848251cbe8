"""An import statement that brings one name in place of another, or one name less."""

from __future__ import annotations

import re

from sqla_lint.codemods.apply import applied
from sqla_lint.codemods.import_lists import by_kind
from sqla_lint.codemods.layout import Rewrite, stands_alone, text_at
from sqla_lint.codemods.shared_uses import Uses, where
from sqla_lint.codemods.site import Refused
from sqla_lint.codemods.versions import reread
from sqla_lint.flow.evaluation.world import World
from sqla_lint.index.module import ModuleIndex, imports, names_in, walk
from sqla_lint.index.project import ModuleRef
from sqla_lint.lower import nodes as n


def import_instead(
    rewrite: Rewrite, module: ModuleIndex, stmt: n.ImportFrom, uses: Uses, name: str | None, world: World
) -> None:
    """Let *stmt* import *name* (nothing, where no function of the file needs it) in place of what *uses* are of.

    Raises:
        Refused: the file means something else by the name, or the statement cannot be taken apart.
    """
    wanted = name if any(function.path == module.path for function in uses.functions) else None
    if wanted is not None and wanted in module.bindings:
        if world.project.lookup(module.path, wanted) != world.project.lookup(uses.path, wanted):
            raise Refused(f"{wanted} means something else in {where(world, module.path, stmt.pos)}")
        wanted = None
    if wanted is not None and any(wanted in world.local_names(f) for f in uses.functions if f.path == module.path):
        raise Refused(f"{wanted} means something else in a function of {where(world, module.path, stmt.pos)}")
    if not stands_alone(rewrite.before, stmt):
        raise Refused(f"the import at {where(world, module.path, stmt.pos)} shares its line")
    if wanted is None and all(imported == uses.name for imported, _ in stmt.names):
        rewrite.remove(stmt.pos[0], stmt.pos[2])
        rewrite.tidy(stmt.pos[0], stmt.pos[2])
        return
    _replace_in(rewrite, stmt, uses.name, wanted)


def drop_import(rewrite: Rewrite, stmt: n.ImportFrom | n.Import, name: str) -> None:
    """Take *name* (as it is bound) out of an import statement.

    Raises:
        Refused: the statement cannot be taken apart.
    """
    if len(stmt.names) == 1:
        rewrite.remove(stmt.pos[0], stmt.pos[2])
        rewrite.tidy(stmt.pos[0], stmt.pos[2])
    elif isinstance(stmt, n.ImportFrom):
        _replace_in(rewrite, stmt, next(old for old, alias in stmt.names if (alias or old) == name), None)


def _replace_in(rewrite: Rewrite, stmt: n.ImportFrom, old: str, new: str | None) -> None:
    """One name of the statement, with its alias and, where nothing takes its place, its comma."""
    lines = rewrite.before
    plain = stmt.pos[0] == stmt.pos[2] and not any(alias for imported, alias in stmt.names if imported != old)
    head, word, listed = text_at(lines, stmt.pos).partition(" import ")
    if new is not None and plain and "(" not in listed:
        rewrite.replace(stmt.pos, f"{head}{word}{', '.join(_placed([name for name, _ in stmt.names], old, new))}")
        return
    for number in range(stmt.pos[0], stmt.pos[2] + 1):
        start = stmt.pos[1] if number == stmt.pos[0] else 0
        text = lines[number - 1][start:]
        offset = text.find(" import ") + len(" import ") if number == stmt.pos[0] else 0
        found = re.search(rf"\b{re.escape(old)}\b(\s+as\s+\w+)?", _without_comment(text[offset:]))
        if found is None:
            continue
        begin, end = start + offset + found.start(), start + offset + found.end()
        if new is None:
            begin, end = _with_comma(lines[number - 1], begin, end)
        if new is None and not (lines[number - 1][:begin] + lines[number - 1][end:]).strip():
            rewrite.remove(number, number)
        else:
            rewrite.replace((number, begin, number, end), new or "")
        return
    raise Refused(f"{old} is not found in `{text_at(lines, stmt.pos)}`")


def _placed(names: list[str], old: str, new: str) -> list[str]:
    """The names with *new* for *old*: where it belongs if they are sorted, else in its place."""
    kept = [name for name in names if name != old]
    for order in (by_kind, str.lower, str):
        keys = [order(name) for name in kept]
        if len(kept) > 1 and keys == sorted(keys):
            return sorted([*kept, new], key=order)
    return [new if name == old else name for name in names]


def _without_comment(text: str) -> str:
    return text.partition("#")[0]


def _with_comma(line: str, begin: int, end: int) -> tuple[int, int]:
    behind = re.match(r"\s*,[ \t]*", line[end:])
    if behind is not None:
        return begin, end + behind.end()
    ahead = re.search(r",\s*\Z", line[:begin])
    return (begin - len(ahead.group()), end) if ahead is not None else (begin, end)


# --- imports that nothing uses any more


def without_unused(before: ModuleIndex, text: str, world: World) -> str:
    """*text* without the imports that *before* used and it does not, and no other file of the project wants from it."""
    after = reread(before.path, text)
    if after.path.endswith("__init__.py"):
        return text
    rewrite = Rewrite(after.path, after.source)
    used, left = _mentioned(before), _mentioned(after) | _wanted(before, world)
    for stmt in after.node.body:
        if isinstance(stmt, (n.Import, n.ImportFrom)) and stands_alone(after.source, stmt):
            gone = [name for name, _ in imports(stmt) if name in used and name not in left]
            if len(gone) == 1:
                drop_import(rewrite, stmt, gone[0])
    return applied(text, after.source, rewrite.edits())


def _wanted(module: ModuleIndex, world: World) -> frozenset[str]:
    """The names that other files of the project may take from this one."""
    found: set[str] = set()
    for path in world.project.importers.get(module.path, ()):
        for node in walk(world.project.modules[path].node.body):
            if isinstance(node, n.Attribute):
                found.add(node.attr)
            elif isinstance(node, n.ImportFrom):
                target = world.project.module(path, node.module or "", node.level)
                if isinstance(target, ModuleRef) and target.path == module.path:
                    found.update(name for name, _ in node.names)
    return frozenset(found) if "*" not in found else frozenset({*found, *module.bindings})


def _mentioned(module: ModuleIndex) -> frozenset[str]:
    """The names that a file uses, those in strings (annotations, ``__all__``) included."""
    found = set(names_in(module.node.body))
    for node in walk(module.node.body):
        if isinstance(node, n.Constant) and isinstance(node.value, str):
            found.update(re.findall(r"\w+", node.value))
    return frozenset(found)
