"""Layout of a query's line that one more option makes too long: opened at a bracket, or a method on each line."""

from __future__ import annotations

from collections.abc import Sequence

from sqla_lint.codemods.import_blocks import line_end
from sqla_lint.codemods.layout import indentation
from sqla_lint.codemods.line_room import room
from sqla_lint.codemods.query_place import Chain
from sqla_lint.finding import Edit, Span
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n


class Layout:
    """The lines of the file that a query stands in, and how long and how deep they may be."""

    def __init__(self, module: ModuleIndex) -> None:
        self.module = module
        self.lines = module.source
        self.end = line_end(module.source)
        self.room = room(self.lines)
        self.unit = unit_of(self.lines)

    def margin(self, line: int) -> str:
        """The indentation of a line."""
        return indentation(self.lines[line - 1])

    def insertion(self, line: int, column: int, content: str) -> Edit:
        """An edit that puts *content* before a character; the column counts from 0."""
        return Edit(self.module.path, Span(line, column + 1, line, column + 1), content)

    def call(self, options: Sequence[str], column: int, margin: str, behind: int = 0) -> str:
        """``.options(...)`` at *column*, with *behind* characters to follow; broken where a line would be too long."""
        joined = ", ".join(options)
        if column + len(f".options({joined})") + behind <= self.room:
            return f".options({joined})"
        inner = margin + self.unit
        if len(options) == 1 or len(inner + joined) <= self.room:
            return f".options({self.end}{self.row(inner, joined)}{self.end}{margin})"
        rows = "".join(f"{self.row(inner, option)},{self.end}" for option in options)
        return f".options({self.end}{rows}{margin})"

    def row(self, inner: str, option: str) -> str:
        """One option on a line of its own, or on several where it is too long."""
        if len(inner + option) < self.room:
            return inner + option
        return inner + option.replace(").", f"){self.end}{inner}.")


def unit_of(lines: Sequence[str]) -> str:
    """One step of a file's indentation."""
    for line in lines:
        blanks = indentation(line)
        if blanks and line.strip() and not line.lstrip().startswith(("#", '"', "'")):
            return blanks if blanks.strip("\t") else "\t"
    return "    "


def inline(layout: Layout, chain: Chain, options: Sequence[str]) -> list[Edit]:
    """``.options(...)`` behind the query on its line; the line is broken where it would be too long."""
    line, column = chain.node.pos[2:]
    behind = len(layout.lines[line - 1][column:].rstrip("\r\n"))
    added = layout.call(options, column, layout.margin(line), behind)
    if layout.end in added:
        better = _opened(layout, chain, options) or _split(layout, chain, options)
        if better is not None:
            return better
    return [layout.insertion(line, column, added)]


def _opened(layout: Layout, chain: Chain, options: Sequence[str]) -> list[Edit] | None:
    """The outermost call on the query's line with its one argument on a line of its own, where that is enough."""
    line = chain.node.pos[0]
    text = layout.lines[line - 1]
    option = f".options({', '.join(options)})"
    margin = layout.margin(line)
    found: n.Call | None = None
    inner: object = chain.node
    for node in reversed(chain.above):
        if not isinstance(node, (n.Call, n.Attribute, n.Await)) or (node.pos[0], node.pos[2]) != (line, line):
            break
        if isinstance(node, n.Call) and node.args == (inner,) and not node.keywords:
            start, end = node.args[0].pos[1], node.args[0].pos[3]
            length = len(margin + layout.unit + option) + end - start
            if text[start - 1] == "(" and text[end] == ")" and end == node.pos[3] - 1 and length <= layout.room:
                found = node
        inner = node
    if found is None:
        return None
    return _at_places(
        layout,
        line,
        [
            (found.args[0].pos[1], layout.end + margin + layout.unit),
            (chain.node.pos[3], option),
            (found.args[0].pos[3], layout.end + margin),
        ],
    )


def _split(layout: Layout, chain: Chain, options: Sequence[str]) -> list[Edit] | None:
    """A method on each line, in brackets; None for a query of one method, or one that stands on several lines."""
    top: n.Expr = chain.node
    for node in reversed(chain.above):
        if not (isinstance(node, n.Attribute) and node.value is top or isinstance(node, n.Call) and node.func is top):
            break
        top = node
    line, start, last, end = top.pos
    dots = list(_dots(top))
    text = layout.lines[line - 1]
    if line != last or not dots or any(text[dot] != "." for dot in dots):
        return None
    margin = layout.margin(line)
    if _has_bracket_lines(layout, top):
        rows = [(chain.node.pos[3], f"{layout.end}{margin}{layout.call(options, len(margin), margin)}")]
        return _at_places(layout, line, rows + [(dot, layout.end + margin) for dot in dots])
    inner = margin + layout.unit
    bracketed = text[:start].endswith("(") and text[end:].startswith(")")
    option = layout.call(options, len(inner), inner)
    return _at_places(
        layout,
        line,
        [
            (start, ("" if bracketed else "(") + layout.end + inner),
            (chain.node.pos[3], layout.end + inner + option),
            *((dot, layout.end + inner) for dot in dots),
            (end, layout.end + margin + ("" if bracketed else ")")),
        ],
    )


def _has_bracket_lines(layout: Layout, node: n.Expr) -> bool:
    """Whether *node* has its line for itself, between the lines that open and close its brackets."""
    line, start, _, end = node.pos
    around = layout.lines[line - 2 : line - 1], layout.lines[line : line + 1]
    alone = not (layout.lines[line - 1][:start] + layout.lines[line - 1][end:]).strip()
    return alone and all(around) and around[0][0].rstrip().endswith("(") and around[1][0].lstrip().startswith(")")


def _dots(top: n.Expr) -> Sequence[int]:
    """Where the methods of a chain begin that are called on what a call gave."""
    found: list[int] = []
    node: n.Expr = top
    while isinstance(node, (n.Call, n.Attribute)):
        if isinstance(node, n.Call):
            node = node.func
            continue
        if isinstance(node.value, n.Call):
            found.insert(0, node.value.pos[3])
        node = node.value
    return found


def _at_places(layout: Layout, line: int, places: Sequence[tuple[int, str]]) -> list[Edit]:
    """Insertions into one line, those at one place joined in their order."""
    columns = sorted({column for column, _ in places})
    return [
        layout.insertion(line, column, "".join(content for at, content in places if at == column)) for column in columns
    ]
