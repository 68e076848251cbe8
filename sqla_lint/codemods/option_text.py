"""One more option in the text of a query, laid out as the lines around it are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqla_lint.codemods.chain_layout import Layout, inline
from sqla_lint.codemods.layout import text_at
from sqla_lint.codemods.query_place import Chain
from sqla_lint.codemods.site import Refused
from sqla_lint.finding import Edit, Span
from sqla_lint.lower import nodes as n


def chained(layout: Layout, option: n.Expr, more: str) -> Edit:
    """*option* goes on with *more*."""
    return layout.insertion(*option.pos[2:], more)


def extended(layout: Layout, chain: Chain, options: Sequence[str], growth: int = 0) -> list[Edit]:
    """The query with *options*: in its ``.options(...)``, else in one of its own behind the last step.

    Args:
        layout: the file.
        chain: the query.
        options: what to add.
        growth: by how many characters other edits let its options grow.
    """
    if chain.options is not None:
        return _one_more(layout, chain.options, options, growth)
    node, following = chain.node, chain.following
    if following is not None and text_at(layout.lines, (*node.pos[2:], *following.pos[2:])).lstrip().startswith(")"):
        following = None
    if following is not None and _breaks_line(layout, node.pos[2:], following.pos[2:]):
        return [_line_before(layout, following, options)]
    step = node.func if isinstance(node, n.Call) and isinstance(node.func, n.Attribute) else node
    if following is None and isinstance(step, n.Attribute) and _breaks_line(layout, step.value.pos[2:], step.pos[2:]):
        return [_line_behind(layout, chain, step, options)]
    return inline(layout, chain, options)


def with_argument(layout: Layout, call: n.Expr, options: Sequence[str]) -> Edit:
    """``session.get(Model, key)`` with ``options=[...]``.

    Raises:
        Refused: its arguments cannot be read.
    """
    assert isinstance(call, n.Call)
    given = next((keyword.value for keyword in call.keywords if keyword.name == "options"), None)
    if given is not None:
        if not isinstance(given, n.Sequence) or not given.items:
            raise Refused("the options of the query are made elsewhere")
        return _behind_last(layout, given.items[-1], options)
    if any(isinstance(arg, n.Starred) for arg in call.args) or any(k.name is None for k in call.keywords):
        raise Refused("the arguments of the query are made elsewhere")
    last = max([*call.args, *(keyword.value for keyword in call.keywords)], key=lambda arg: arg.pos[2:])
    return _behind_last(layout, last, [f"options=[{', '.join(options)}]"])


# --- arguments -------------------------------------------------------------------------------------------------------


def _one_more(layout: Layout, call: n.Call, options: Sequence[str], growth: int) -> list[Edit]:
    if not call.args:
        return [layout.insertion(call.pos[2], call.pos[3] - 1, ", ".join(options))]
    line, last = layout.lines[call.pos[2] - 1], call.args[-1]
    length = len(line.rstrip("\r\n")) + len(", ".join(options)) + 2 + growth
    if length > layout.room and (exploded := _one_each_line(layout, call, options)) is not None:
        return exploded
    return [_behind_last(layout, last, options)]


def _one_each_line(layout: Layout, call: n.Call, options: Sequence[str]) -> list[Edit] | None:
    """The arguments on lines of their own; None where they do not stand on one line as usual."""
    line = call.args[0].pos[0]
    text, margin = layout.lines[line - 1], layout.margin(line)
    start, end = call.args[0].pos[1], call.args[-1].pos[3]
    between = [(one.pos[3], other.pos[1]) for one, other in zip(call.args, call.args[1:], strict=False)]
    usual = text[start - 1] == "(" and text[end : end + 1] == ")" and all(text[a:b] == ", " for a, b in between)
    if not usual or call.args[-1].pos[2] != line or call.keywords:
        return None
    row = f",{layout.end}{margin}{layout.unit}"
    edits = [layout.insertion(line, start, row[1:])]
    edits += [Edit(layout.module.path, Span(line, a + 1, line, b + 1), row) for a, b in between]
    edits.append(layout.insertion(line, end, "".join(row + option for option in options) + f",{layout.end}{margin}"))
    return edits


def _behind_last(layout: Layout, last: n.Expr, options: Sequence[str]) -> Edit:
    """*options* behind the last argument of a call: on lines of their own if that one is."""
    line, column = _behind_brackets(layout, last)
    first = layout.lines[last.pos[0] - 1]
    alone = not first[: last.pos[1]].strip()
    separator = f",{layout.end}{layout.margin(last.pos[0])}" if alone else ", "
    return layout.insertion(line, column, "".join(separator + option for option in options))


def _behind_brackets(layout: Layout, node: n.Expr) -> tuple[int, int]:
    """Where *node* ends, with the brackets that stand around it alone."""
    line, column = node.pos[2:]
    head = layout.lines[node.pos[0] - 1][: node.pos[1]].rstrip()
    while head.endswith("(") and (not head[:-1].rstrip() or head[:-1].rstrip()[-1] in "(,[="):
        rest = layout.lines[line - 1][column:]
        if not rest.lstrip().startswith(")"):
            break
        column += len(rest) - len(rest.lstrip()) + 1
        head = head[:-1].rstrip()
    return line, column


# --- a line of its own -----------------------------------------------------------------------------------------------


def _breaks_line(layout: Layout, start: tuple[int, int], end: tuple[int, int]) -> bool:
    return start[0] != end[0] and layout.lines[end[0] - 1].lstrip().startswith(".")


def _line_before(layout: Layout, following: n.Attribute, options: Sequence[str]) -> Edit:
    """On a line of its own before the line that begins with the next method."""
    line = following.pos[2]
    margin = layout.margin(line)
    break_ = f"{_backslash(layout, line - 1)}{layout.end}{margin}"
    return layout.insertion(line, len(margin), f"{layout.call(options, len(margin), margin)}{break_}")


def _line_behind(layout: Layout, chain: Chain, step: n.Attribute, options: Sequence[str]) -> Edit:
    """On a line of its own behind the last step, whose line begins with its name."""
    margin = layout.margin(step.pos[2])
    line, column = chain.node.pos[2:]
    content = f"{layout.end}{margin}{layout.call(options, len(margin), margin)}"
    if _backslash(layout, step.pos[2] - 1):
        return layout.insertion(line, column, f" \\{content}")
    rest = layout.lines[line - 1][column:].rstrip("\r\n")
    if not rest.strip() or rest.lstrip().startswith("#"):
        column += len(rest.rstrip())
    return layout.insertion(line, column, content)


def _backslash(layout: Layout, line: int) -> str:
    """What a line of the query ends with so that the next one belongs to it."""
    found = re.search(r"[ \t]*\\[\r\n]*\Z", layout.lines[line - 1])
    return " \\" if found is not None else ""
