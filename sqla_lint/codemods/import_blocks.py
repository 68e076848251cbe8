"""Where a new import goes: behind the docstring and ``__future__``, among its like, sorted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeAlias

from sqla_lint.codemods.layout import stands_alone
from sqla_lint.finding import Edit, Span
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n

_Import: TypeAlias = "n.Import | n.ImportFrom"

_STANDARD, _INSTALLED, _LOCAL = range(3)


def line_end(lines: Sequence[str]) -> str:
    """How a file ends its lines."""
    first = lines[0] if lines else ""
    return first[len(first.rstrip("\r\n")) :] or "\n"


def new_import(module: ModuleIndex, package: str, name: str, level: int = 0) -> Edit:
    """The edit that lets *module* import *name* from *package* by a statement of its own."""
    statement = f"from {'.' * level}{package} import {name}"
    blocks = _blocks(module)
    if not blocks:
        return _without_neighbours(module, statement)
    section = _section(level, package, module)
    root = package.split(".")[0]
    home = next((b for b in blocks if any(_root(s) == (level > 0, root) for s in b)), None)
    home = home or next((b for b in blocks if _is_of(b, section, module)), None)
    if home is not None:
        return _within(module, home, statement, (level, package))
    behind = [b for b in blocks if min(_section_of(s, module) for s in b) < section]
    end = line_end(module.source)
    if behind:
        return _insert(module, behind[-1][-1].pos[2] + 1, f"{end}{statement}{end}")
    return _insert(module, blocks[0][0].pos[0], f"{statement}{end}{end}")


def _insert(module: ModuleIndex, line: int, content: str) -> Edit:
    return Edit(module.path, Span(line, 1, line, 1), content, shared=True)


def _start(module: ModuleIndex) -> int:
    """The number of the first statement behind the docstring and ``__future__``."""
    body = module.node.body
    start = int(bool(body) and isinstance(body[0], n.ExprStmt) and isinstance(body[0].value, n.Constant))
    while start < len(body) and isinstance(found := body[start], n.ImportFrom) and found.module == "__future__":
        start += 1
    return start


def _blocks(module: ModuleIndex) -> list[list[_Import]]:
    """The first run of imports, by the blank lines and comments between them."""
    run: list[_Import] = []
    for stmt in module.node.body[_start(module) :]:
        if isinstance(stmt, (n.Import, n.ImportFrom)) and stands_alone(module.source, stmt):
            run.append(stmt)
        elif run:
            break
    blocks: list[list[_Import]] = []
    for stmt in run:
        if blocks and blocks[-1][-1].pos[2] + 1 == stmt.pos[0]:
            blocks[-1].append(stmt)
        else:
            blocks.append([stmt])
    return blocks


def _within(module: ModuleIndex, block: Sequence[_Import], statement: str, wanted: tuple[int, str]) -> Edit:
    """In its sorted place in *block*; ``import x`` stands before ``from x import`` where it does so already."""
    end = line_end(module.source)
    kinds = [isinstance(stmt, n.ImportFrom) for stmt in block]
    grouped = kinds == sorted(kinds)
    key = (grouped, *_key(*wanted))
    later = [
        stmt
        for stmt, is_from in zip(block, kinds, strict=True)
        if _section_of(stmt, module) > _section(*wanted, module) or (grouped and is_from, *_key(*_source(stmt))) > key
    ]
    earlier = [stmt for stmt in block if not later or stmt.pos < later[0].pos]
    line = earlier[-1].pos[2] + 1 if earlier else block[0].pos[0]
    return _insert(module, line, f"{statement}{end}")


def _source(stmt: _Import) -> tuple[int, str]:
    return (0, stmt.names[0][0]) if isinstance(stmt, n.Import) else (stmt.level, stmt.module or "")


def _key(level: int, package: str) -> tuple[int, str]:
    """Far relatives first, as sorters have it."""
    return (-level, package.lower())


def _root(stmt: _Import) -> tuple[bool, str]:
    level, package = _source(stmt)
    return level > 0, package.split(".")[0]


def _section(level: int, package: str, module: ModuleIndex) -> int:
    # The project's own packages are folders on the way to the file.
    if level or package.split(".")[0] in module.path.split("/")[:-1]:
        return _LOCAL
    return _STANDARD if package.split(".")[0] in sys.stdlib_module_names else _INSTALLED


def _section_of(stmt: _Import, module: ModuleIndex) -> int:
    return _section(*_source(stmt), module)


def _is_of(block: Sequence[_Import], section: int, module: ModuleIndex) -> bool:
    """Whether a block has imports of a section."""
    return any(_section_of(stmt, module) == section for stmt in block)


def _without_neighbours(module: ModuleIndex, statement: str) -> Edit:
    """In a file whose imports, if any, are not at its top."""
    end, body, start = line_end(module.source), module.node.body, _start(module)
    if start:
        line = body[start - 1].pos[2] + 1
        following = module.source[line - 1] if line <= len(module.source) else ""
        return _insert(module, line, f"{end}{statement}{end}{end if following.strip() else ''}")
    line = 1
    while line <= len(module.source) and module.source[line - 1].startswith("#"):
        line += 1
    return _insert(module, line, f"{statement}{end}{end}")
