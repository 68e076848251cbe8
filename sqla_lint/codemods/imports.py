"""Adding an import the way a file imports already."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

from sqla_lint.codemods.layout import Rewrite, stands_alone, text_at
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n


class Needed(NamedTuple):
    """How to write a name in the file, and where its import goes: *line* None if it is there already."""

    spelling: str
    line: int | None = None
    statement: str = ""
    extended: n.ImportFrom | None = None


def needed(module: ModuleIndex, package: str, name: str) -> Needed | None:
    """How *module* can write *name* of *package* (of the standard library); None if it means something else.

    Args:
        module: the file.
        package: the module to import from.
        name: what is wanted of it.
    """
    for stmt in module.node.body:
        if isinstance(stmt, n.ImportFrom) and stmt.module == package and not stmt.level:
            for imported, alias in stmt.names:
                if imported == name:
                    return Needed(alias or name)
        if isinstance(stmt, n.Import):
            for dotted, alias in stmt.names:
                if dotted == package:
                    return Needed(f"{alias or package}.{name}")
    if name in module.bindings:
        return None
    existing = [s for s in module.node.body if isinstance(s, n.ImportFrom) and s.module == package and not s.level]
    if existing and "(" not in text_at(module.source, existing[0].pos) and existing[0].pos[0] == existing[0].pos[2]:
        return Needed(name, existing[0].pos[0], extended=existing[0])
    return Needed(name, _line_for(module, package), f"from {package} import {name}")


def add(rewrite: Rewrite, wanted: Needed) -> None:
    """Write the import into the file, if it is not there."""
    if wanted.line is None:
        return
    if wanted.extended is None:
        rewrite.insert_before(wanted.line, wanted.statement)
        following = rewrite.before[wanted.line - 1].strip()
        if following and not _is_standard(following):
            rewrite.insert_before(wanted.line, "")
        return
    names = [(alias and f"{name} as {alias}") or name for name, alias in wanted.extended.names]
    listed = (
        sorted([*names, wanted.spelling], key=str.lower)
        if names == sorted(names, key=str.lower)
        else [*names, wanted.spelling]
    )
    rewrite.replace(wanted.extended.pos, f"from {wanted.extended.module} import {', '.join(listed)}")


def _is_standard(line: str) -> bool:
    words = line.split()
    known = len(words) > 1 and words[0] in ("import", "from")
    return known and words[1].split(".")[0].rstrip(",") in sys.stdlib_module_names


def _line_for(module: ModuleIndex, package: str) -> int:
    """The line that the new import goes before: sorted among the standard library's, else before the first import."""
    body = module.node.body
    start = 1 if body and isinstance(body[0], n.ExprStmt) and isinstance(body[0].value, n.Constant) else 0
    while start < len(body) and isinstance(found := body[start], n.ImportFrom) and found.module == "__future__":
        start += 1
    heads = [s for s in _leading_imports(body[start:]) if stands_alone(module.source, s)]
    before = [s for s in heads if _sorts_before(s, package)]
    if before:
        return before[-1].pos[2] + 1
    if heads:
        return heads[0].pos[0]
    return body[start - 1].pos[2] + 1 if start else 1


def _leading_imports(body: Sequence[n.Stmt]) -> list[n.Import | n.ImportFrom]:
    found: list[n.Import | n.ImportFrom] = []
    for stmt in body:
        if not isinstance(stmt, (n.Import, n.ImportFrom)):
            break
        found.append(stmt)
    return found


def _sorts_before(stmt: n.Import | n.ImportFrom, package: str) -> bool:
    first = stmt.names[0][0] if isinstance(stmt, n.Import) else "." * stmt.level + (stmt.module or "")
    if first.split(".")[0] not in sys.stdlib_module_names:
        return False
    return isinstance(stmt, n.Import) or first < package
