"""A second look at what a fix would write: both parsers read it alike, and its statements are what they were."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Sequence

from sqla_lint.codemods.apply import applied
from sqla_lint.codemods.scope_plan import Plan
from sqla_lint.finding import Edit
from sqla_lint.index.module import statements
from sqla_lint.lower import nodes as n
from sqla_lint.lower.confirm import Unconfirmed, confirm_function
from sqla_lint.lower.from_ast import lower_module
from sqla_lint.source import Source

_COMPOUND = (n.If, n.While, n.For, n.Try, n.With, n.Match)


def verified(planned: Plan, edits: Sequence[Edit]) -> str | None:
    """Why *edits* must not be made, or None."""
    site = planned.site
    text = applied("".join(site.lines), site.lines, edits)
    lines = Source(site.module.path, b"", text, "utf-8").lines
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        return f"the result would be no Python (line {error.lineno}: {error.msg})"
    ascii_only = text.isascii()
    module = lower_module(tree, None if ascii_only else [line.encode("utf-8", "replace") for line in lines])
    function = _same_function(site.module.node, module, site.function.node)
    if function is None:
        return "the function is not found again in the result"
    again = confirm_function(lines, function, module.bounds)
    if isinstance(again, Unconfirmed) or again != function:
        return "the two parsers read the result differently"
    return (
        None
        if _skeleton(function, planned, done=True) == _skeleton(site.function.node, planned)
        else "a statement would change"
    )


def _same_function(before: n.Module, after: n.Module, wanted: n.FunctionDef) -> n.FunctionDef | None:
    """The function of *after* that stands where *wanted* does in *before*, counted in the order of the file."""
    old, new = list(_functions(before)), list(_functions(after))
    index = next((k for k, function in enumerate(old) if function is wanted), None)
    return new[index] if index is not None and len(old) == len(new) else None


def _functions(node: object) -> Iterable[n.FunctionDef]:
    stack: list[object] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, n.FunctionDef):
            yield item
        if isinstance(item, tuple):
            stack.extend(reversed(item))


def _skeleton(function: n.FunctionDef, planned: Plan, done: bool = False) -> list[object]:
    """The simple statements of a function in order, without their positions; those that the plan takes out left out."""
    made = planned.site
    gone = {id(place.stmt) for place in planned.removed}
    gone |= {id(inner) for place in planned.removed for inner in statements((place.stmt,))}
    gone |= {id(stmt) for handler in planned.dropped for stmt in handler.body}
    if made.name is not None:
        gone.add(id(made.place.stmt))
    wanted = [s for s in statements(function.body) if id(s) not in gone and not isinstance(s, _COMPOUND)]
    named = n.Name(made.call.pos, planned.name)
    plain = [_without_positions(s, made.call if made.name is None and not done else None, named) for s in wanted]
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
