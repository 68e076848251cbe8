"""Names that a fix needs: written the way the file imports them already, else imported in the right place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from sqla_lint.codemods.import_blocks import line_end, new_import
from sqla_lint.codemods.import_lists import by_kind, extended
from sqla_lint.codemods.layout import Rewrite
from sqla_lint.finding import Edit
from sqla_lint.index.module import Function, Imported, ModuleIndex
from sqla_lint.lower import nodes as n

_STATEMENT = re.compile(r"(?P<ahead>\s*)from (?P<package>\S+) import (?P<names>[^\r\n(]+)(?P<behind>[\r\n]+)\Z")


class Needed(NamedTuple):
    """How to write a name in the file; *edit* imports it, and is None where it is imported already."""

    spelling: str
    edit: Edit | None = None


def needed(
    module: ModuleIndex,
    package: str,
    name: str,
    *,
    also: Sequence[str] = (),
    function: Function | None = None,
    level: int = 0,
) -> Needed | None:
    """How *module* can write *name* of *package*; None if the file means something else by it.

    Args:
        module: the file.
        package: the module to import from.
        name: what is wanted of it.
        also: other modules that have the same name, for a file that imports it from there.
        function: where the name is to be written: its own imports count, what else it binds is in the way.
        level: how many dots stand before *package* in an import.
    """
    packages = [(package, level), *((other, 0) for other in also)]
    if function is not None and any(name == parameter.name for parameter in function.node.params):
        return None
    for block, local in _blocks(module, function):
        for stmt in block:
            for spelling in _spellings(stmt, packages, name):
                if _keeps(spelling.split(".")[0], module, function, local):
                    return Needed(spelling)
    renamed = _through_parent(module, packages, name)
    if renamed is not None and _keeps(renamed.split(".")[0], module, function, False):
        return Needed(renamed)
    if name in module.bindings or not _keeps(name, module, function, False, unbound=True):
        return None
    for stmt in module.node.body:
        if isinstance(stmt, n.ImportFrom) and (stmt.module or "", stmt.level) == (package, level):
            edit = extended(module, stmt, name)
            if edit is not None:
                return Needed(name, edit)
    return Needed(name, new_import(module, package, name, level))


def _blocks(module: ModuleIndex, function: Function | None) -> Iterator[tuple[Sequence[n.Stmt], bool]]:
    yield module.node.body, False
    if function is not None:
        own = (s for s in function.node.body if not (isinstance(s, n.ExprStmt) and isinstance(s.value, n.Constant)))
        yield list(takewhile(lambda s: isinstance(s, (n.Import, n.ImportFrom)), own)), True


def _spellings(stmt: n.Stmt, packages: Sequence[tuple[str, int]], name: str) -> Iterator[str]:
    """How *stmt* lets one write *name* of one of *packages*."""
    if isinstance(stmt, n.ImportFrom):
        for package, level in packages:
            parent, _, last = package.rpartition(".")
            for imported, alias in stmt.names:
                if (stmt.module or "", stmt.level) == (package, level) and imported in (name, "*"):
                    yield alias or name
                elif (stmt.module or "", stmt.level) == (parent, level) and imported == last and (parent or level):
                    yield f"{alias or last}.{name}"
    elif isinstance(stmt, n.Import):
        for dotted, alias in stmt.names:
            if (dotted, 0) in packages:
                yield f"{alias or dotted}.{name}"


def _through_parent(module: ModuleIndex, packages: Sequence[tuple[str, int]], name: str) -> str | None:
    """``sa.orm.selectinload`` in a file that reaches other things through ``sa.orm`` already."""
    for stmt in module.node.body:
        for dotted, alias in stmt.names if isinstance(stmt, n.Import) else ():
            for package, level in packages:
                tail = package.removeprefix(dotted)
                written = (alias or dotted) + tail
                if not level and tail.startswith(".") and _is_used(module, written):
                    return f"{written}.{name}"
    return None


def _is_used(module: ModuleIndex, dotted: str) -> bool:
    pattern = re.compile(rf"(?<![\w.]){re.escape(dotted)}\.\w")
    return any(
        pattern.search(line) for line in module.source if not line.lstrip().startswith(("#", "import ", "from "))
    )


def _keeps(name: str, module: ModuleIndex, function: Function | None, local: bool, unbound: bool = False) -> bool:
    """Whether *name* means its import wherever *function* stands: nothing else binds it."""
    bound = module.bindings.get(name, ())
    if not local and not unbound and not all(isinstance(one, Imported) for one in bound):
        return False
    around = function
    while around is not None:
        if any(parameter.name == name for parameter in around.node.params) or name in around.assigned:
            return local and around is function and name not in {p.name for p in around.node.params}
        around = around.outer
    return True


# --- writing them ----------------------------------------------------------------------------------------------------


def add(rewrite: Rewrite, wanted: Needed) -> None:
    """Write the import into the file, if it is not there."""
    if wanted.edit is None:
        return
    span, content = wanted.edit.span, wanted.edit.content
    if span[:2] == span[2:] and span.column == 1 and content.endswith(("\n", "\r")):
        rewrite.insert_before(span.line, content.removesuffix(line_end(rewrite.before)))
    else:
        rewrite.replace((span.line, span.column - 1, span.end_line, span.end_column - 1), content)


def merged(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """*edits* with those that import something at the same place made one, sorted by place."""
    places: dict[tuple[object, ...], list[Edit]] = {}
    for edit in dict.fromkeys(edits):
        key = (edit.path, edit.span) if edit.shared else (edit.path, edit.span, edit.content)
        places.setdefault(key, []).append(edit)
    joined = (group[0]._replace(content=_joined([edit.content for edit in group])) for group in places.values())
    return tuple(sorted(joined, key=lambda edit: (edit.path, edit.span)))


def _joined(contents: Sequence[str]) -> str:
    """Several imports at one place as one; statements that import from one package become one statement."""
    if len(contents) > 1 and contents[0].startswith("("):
        rows = {row for content in contents for row in content.splitlines(keepends=True)[1:-1]}
        first, *_, last = contents[0].splitlines(keepends=True)
        return "".join([first, *sorted(rows, key=lambda row: by_kind(row.strip(" \t,\r\n"))), last])
    if (listed := _listed(contents)) is not None:
        return listed
    by_package: dict[str, list[re.Match[str]]] = {}
    for content in sorted(contents):
        found = _STATEMENT.match(content)
        if found is None:
            return "".join(sorted(contents))
        by_package.setdefault(found["package"], []).append(found)
    groups = list(by_package.items())
    lines: list[str] = []
    for number, (package, statements) in enumerate(groups):
        names = sorted({name for one in statements for name in one["names"].split(", ")}, key=by_kind)
        first, last = groups[0][1][0]["ahead"], max((one["behind"] for one in statements), key=len)
        end = last if number == len(groups) - 1 else last[: 2 if last.startswith("\r\n") else 1]
        lines.append(f"{first if not number else ''}from {package} import {', '.join(names)}{end}")
    return "".join(lines)


def _listed(contents: Sequence[str]) -> str | None:
    """Insertions into one list of names, each name once; None where they are not written alike."""
    before = {content[: len(content) - len(content.lstrip(", \t\r\n\\"))] for content in contents}
    behind = {content[len(content.rstrip(", \t\r\n\\")) :] for content in contents}
    names = {name for content in contents for name in re.findall(r"\w+", content)}
    if len(before) != 1 or len(behind) != 1:
        return None
    ahead, end = before.pop(), behind.pop()
    for content in contents:
        if content != "".join(f"{ahead}{name}{end}" for name in re.findall(r"\w+", content)):
            return None
    return "".join(f"{ahead}{name}{end}" for name in sorted(names, key=by_kind))
