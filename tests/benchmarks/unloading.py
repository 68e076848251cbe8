"""What loads relationships eagerly, taken out one relationship at a time; and where what is lazy then would be read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_EAGER = ("selectin", "joined", "subquery", "immediate")
_LOADERS = frozenset({*(f"{name}load" for name in _EAGER), "contains_eager", "undefer"})
_RELATES = re.compile(r"relationship|backref", re.I)
_LOADS = re.compile(r"load\(|contains_eager\(|relationship\(")
_ASIDE = re.compile(r"test|migrations|alembic|/versions/")
_TEMPLATES = ("*.html", "*.htm", "*.jinja", "*.jinja2", "*.j2")


class Unloaded(NamedTuple):
    """*node* replaced by *text*, which has as many lines: *attribute* is loaded no more."""

    node: ast.expr
    text: str
    attribute: str


def options(node: ast.AST, source: str) -> Iterator[Unloaded]:
    """``.options(...)`` without each of its eager loaders, and with each chain of loaders ended before each step."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "options"):
        return
    for arg in node.args:
        for step, attribute in _steps(arg):
            before = step.func.value if isinstance(step.func, ast.Attribute) and _steps(step.func.value) else None
            if before is not None:
                yield Unloaded(arg, _padded(_text(before, source), arg), attribute)
                continue
            kept = [_text(other, source) for other in (*node.args, *node.keywords) if other is not arg]
            rest = f".options({', '.join(kept)})" if kept else ""
            yield Unloaded(node, _padded(_text(node.func.value, source) + rest, node), attribute)


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


def _named(arg: ast.expr) -> str | None:
    """The relationship that a loader's argument names."""
    if isinstance(arg, ast.Constant) and isinstance(arg.value, str):
        return arg.value.rpartition(".")[2].strip("*") or None
    if isinstance(arg, ast.Call) and isinstance(arg.func, ast.Attribute):
        arg = arg.func.value  # Owner.pets.of_type(Cat)
    return arg.attr if isinstance(arg, ast.Attribute) else None


def settings(node: ast.AST) -> Iterator[Unloaded]:
    """The relationships (and backrefs) that a statement binds with an eager ``lazy=``, without it."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return
    target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    for call in ast.walk(node.value):
        if not isinstance(call, ast.Call) or not _RELATES.search(ast.unparse(call.func)):
            continue
        for keyword in call.keywords:
            if keyword.arg == "lazy" and isinstance(keyword.value, ast.Constant) and keyword.value.value in _EAGER:
                first = call.args[0] if call.args and ast.unparse(call.func).endswith("backref") else None
                name = str(first.value) if isinstance(first, ast.Constant) else target
                yield Unloaded(keyword.value, '"select"', name)


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
