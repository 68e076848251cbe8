"""A second look at what a fix would write: both parsers read it alike, and its statements are what they were."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence

from sqla_lint.codemods.apply import applied
from sqla_lint.codemods.places import Place
from sqla_lint.finding import Edit
from sqla_lint.index.module import Function, ModuleIndex, statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.confirm import Unconfirmed, confirm_function
from sqla_lint.lower.from_ast import lower_module
from sqla_lint.source import Source

_COMPOUND = (n.If, n.While, n.For, n.Try, n.With, n.Match)


def verified(
    module: ModuleIndex,
    function: Function,
    edits: Sequence[Edit],
    removed: Sequence[Place],
    dropped: Sequence[n.Handler] = (),
    named: tuple[n.Call, str] | None = None,
    refreshed: Sequence[object] = (),
) -> str | None:
    """Why *edits* must not be made, or None.

    Args:
        module: the file.
        function: the one that the edits are about.
        edits: of this file and others.
        removed: statements that are to go.
        dropped: handlers that are to go.
        named: a call in whose place a name is to stand.
        refreshed: what is to be there besides: see :func:`refresh`.
    """
    own = [edit for edit in edits if edit.path == module.path]
    text = applied("".join(module.source), module.source, own)
    lines = Source(module.path, b"", text, "utf-8").lines
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        return f"the result would be no Python (line {error.lineno}: {error.msg})"
    ascii_only = text.isascii()
    result = lower_module(tree, None if ascii_only else [line.encode("utf-8", "replace") for line in lines])
    after = _same_function(module.node, result, function.node)
    if after is None:
        return "the function is not found again in the result"
    again = confirm_function(lines, after, result.bounds)
    if isinstance(again, Unconfirmed) or again != after:
        return "the two parsers read the result differently"
    gone = {id(stmt) for place in removed for stmt in statements((place.stmt,))}
    gone |= {id(stmt) for handler in dropped for stmt in handler.body}
    before = _skeleton(function.node, gone, named)
    wanted = _skeleton(after, set())
    for statement in refreshed:
        if statement not in wanted:
            return "a row would not be loaded again"
        wanted.remove(statement)
    return None if wanted == before else "a statement would change"


def refresh(session: str, row: str, is_async: bool) -> object:
    """The statement that loads a row again, as :func:`verified` compares statements."""
    nowhere = (0, 0, 0, 0)
    call = n.Call(nowhere, n.Attribute(nowhere, n.Name(nowhere, session), "refresh"), (n.Name(nowhere, row),), ())
    value = n.Await(nowhere, call) if is_async else call
    return _without_positions(n.ExprStmt(nowhere, value), None, n.Name(nowhere, ""))


def _same_function(before: n.Module, after: n.Module, wanted: n.FunctionDef) -> n.FunctionDef | None:
    """The function of *after* that *wanted* is in *before*: the same one among those of its name."""
    key = next((key for key, function in _functions(before) if function is wanted), None)
    return dict(_functions(after)).get(key) if key is not None else None


def _functions(module: n.Module) -> Iterable[tuple[tuple[str, int], n.FunctionDef]]:
    """Every function with its qualified name, and a number where several have that name."""
    counted: Counter[str] = Counter()
    stack: list[tuple[object, str]] = [(module, "")]
    while stack:
        item, prefix = stack.pop()
        if isinstance(item, n.FunctionDef):
            yield (prefix + item.name, counted[prefix + item.name]), item
            counted[prefix + item.name] += 1
        if isinstance(item, tuple):
            inner = f"{prefix}{item.name}." if isinstance(item, (n.FunctionDef, n.ClassDef)) else prefix
            stack.extend((part, inner) for part in reversed(item))


def _skeleton(function: n.FunctionDef, gone: set[int], named: tuple[n.Call, str] | None = None) -> list[object]:
    """The simple statements of a function in order, without their positions; those that go left out."""
    call, name = named if named is not None else (None, "")
    wanted = [s for s in statements(function.body) if id(s) not in gone and not isinstance(s, _COMPOUND)]
    plain = [_without_positions(s, call, n.Name(function.pos, name)) for s in wanted]
    return [s for s in plain if s != ("Jump", "pass")]


def _without_positions(node: object, call: n.Call | None, named: n.Name) -> object:
    if call is not None and node is call:
        node = named
    if not isinstance(node, tuple):
        return node
    if type(node) is tuple:
        return tuple(_without_positions(part, call, named) for part in node)
    fields = (part for field, part in zip(node._fields, node, strict=False) if field != "pos")  # type: ignore[attr-defined]
    return (type(node).__name__, *(_without_positions(part, call, named) for part in fields))
