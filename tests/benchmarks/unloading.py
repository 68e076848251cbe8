"""What loads relationships eagerly, taken out one relationship at a time; and where what is lazy then would be read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeGuard

_EAGER = ("selectin", "joined", "subquery", "immediate")
_LOADERS = frozenset({*(f"{name}load" for name in _EAGER), "contains_eager", "undefer"})
_RELATES = re.compile(r"relationship|backref", re.I)
_LOADS = re.compile(r"load\(|contains_eager\(|relationship\(")
_ASIDE = re.compile(r"test|migrations|alembic|/versions/")
_RAISES = re.compile(r"""(\w+\.)*(Load\(.*\)\.)?raiseload\(['"]\*['"]""")
_TEMPLATES = ("*.html", "*.htm", "*.jinja", "*.jinja2", "*.j2")


class Unloaded(NamedTuple):
    """*node* replaced by *text*, which has as many lines: *attribute* of the class *owner* is loaded no more."""

    node: ast.expr
    text: str
    attribute: str
    owner: str = ""


def options(root: ast.AST, source: str) -> Iterator[Unloaded]:
    """Each ``.options(...)`` in *root* without each of its eager loaders, and with each chain of loaders ended before
    each step. What is thrown away, or stands beside ``raiseload("*")``, makes nothing lazy.
    """
    calls = [node for node in ast.walk(root) if _is_options(node)]
    thrown = {node.value for node in ast.walk(root) if isinstance(node, ast.Expr)}
    raising = {one for call in calls if (chain := _chain(call)) and any(map(_raises, chain)) for one in chain}
    for node in calls:
        if node not in thrown and node not in raising:
            yield from _without_each(node, source)


def _is_options(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "options"


def _chain(call: ast.Call) -> list[ast.Call]:
    """``.options(...)``, and those before it in the same query."""
    found: list[ast.Call] = []
    node: ast.expr = call
    while isinstance(node, (ast.Call, ast.Attribute, ast.Await)):
        found += [node] if _is_options(node) else []
        node = node.func if isinstance(node, ast.Call) else node.value
    return found


def _raises(call: ast.Call) -> bool:
    """Whether ``raiseload("*")`` of all rows is among the options."""
    return any(_RAISES.match(ast.unparse(arg)) for arg in call.args)


def _without_each(node: ast.Call, source: str) -> Iterator[Unloaded]:
    assert isinstance(node.func, ast.Attribute)
    for arg in node.args:
        for step, attribute in _steps(arg):
            owner = _owner(step.args[-1])
            before = step.func.value if isinstance(step.func, ast.Attribute) and _steps(step.func.value) else None
            if before is not None:
                yield Unloaded(arg, _padded(_text(before, source), arg), attribute, owner)
                continue
            kept = [_text(other, source) for other in (*node.args, *node.keywords) if other is not arg]
            rest = f".options({', '.join(kept)})" if kept else ""
            yield Unloaded(node, _padded(_text(node.func.value, source) + rest, node), attribute, owner)


def _steps(option: ast.expr) -> list[tuple[ast.Call, str]]:
    """The loaders of a chain with the relationship of each, the last first; those that cannot be read are not in it."""
    found: list[tuple[ast.Call, str]] = []
    while isinstance(option, ast.Call):
        name = option.func.attr if isinstance(option.func, ast.Attribute) else getattr(option.func, "id", "")
        attribute = _named(option.args[-1]) if option.args else None
        if name in _LOADERS and attribute is not None:
            found.append((option, attribute))
        if not isinstance(option.func, ast.Attribute):
            break
        option = option.func.value
    return found


def _owner(arg: ast.expr) -> str:
    """The class whose relationship a loader's argument names; empty where it does not say so."""
    if isinstance(arg, ast.Call) and isinstance(arg.func, ast.Attribute):
        arg = arg.func.value
    owner = arg.value if isinstance(arg, ast.Attribute) else None
    return owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""


def _named(arg: ast.expr) -> str | None:
    """The relationship that a loader's argument names."""
    if isinstance(arg, ast.Constant) and isinstance(arg.value, str):
        return arg.value.rpartition(".")[2].strip("*") or None
    if isinstance(arg, ast.Call) and isinstance(arg.func, ast.Attribute):
        arg = arg.func.value  # Owner.pets.of_type(Cat)
    return arg.attr if isinstance(arg, ast.Attribute) else None


def settings(tree: ast.AST, owner: str = "") -> Iterator[Unloaded]:
    """The relationships (and backrefs) that a statement binds with an eager ``lazy=``, without it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            yield from _bound(node, node.value, owner)
        yield from settings(node, node.name if isinstance(node, ast.ClassDef) else owner)


def _bound(node: ast.Assign | ast.AnnAssign, value: ast.expr, owner: str) -> Iterator[Unloaded]:
    target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    for call in ast.walk(value):
        if not isinstance(call, ast.Call) or not _RELATES.search(ast.unparse(call.func)):
            continue
        for keyword in call.keywords:
            if keyword.arg == "lazy" and isinstance(keyword.value, ast.Constant) and keyword.value.value in _EAGER:
                first = call.args[0] if call.args and ast.unparse(call.func).endswith("backref") else None
                name = str(first.value) if isinstance(first, ast.Constant) else target
                yield Unloaded(keyword.value, '"select"', name, owner)


def _text(node: ast.AST, source: str) -> str:
    return ast.get_source_segment(source, node) or ""


def _padded(text: str, node: ast.expr) -> str:
    """*text* in parentheses that make it as many lines as *node*."""
    lines = (node.end_lineno or node.lineno) - node.lineno - text.count("\n")
    return f"({text}{lines * chr(10)})"


# --- reads -----------------------------------------------------------------------------------------------------------


def pages(root: Path) -> dict[str, str]:
    """The texts of a project's templates, by path."""
    found = (path for pattern in _TEMPLATES for path in sorted(root.rglob(pattern)))
    return {str(path): path.read_text(encoding="utf-8", errors="replace") for path in found if path.is_file()}


def reads(attribute: str, texts: Mapping[str, str]) -> list[str]:
    """The lines (tests' and migrations' aside) that look like reads of *attribute* of an instance, or like a schema's
    field of that name.
    """
    word = re.escape(attribute)
    read = re.compile(
        rf"""(?<![\w.])(?!(?:[A-Z]\w*|cls)\.\w+\b)[\w.()\[\]"']*\.{word}\b(?!\s*=[^=])
        |attr(?:getter)?\(.*["'.]{word}["'.]|^\s+{word}(?::|\s*=.*(?:[nN]ested|[fF]ield))""",
        re.VERBOSE,
    )
    return [
        f"{path}:{number}: {line.strip()[:110]}"
        for path, text in texts.items()
        if attribute in text and not _ASIDE.search(path)
        for number, line in enumerate(text.split("\n"), 1)
        if attribute in line and read.search(line) and not _LOADS.search(line)
    ]
