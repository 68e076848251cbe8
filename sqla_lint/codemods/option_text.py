"""One more option in the text of a query, laid out as the lines around it are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from sqla_lint.codemods.import_blocks import line_end
from sqla_lint.codemods.layout import indentation
from sqla_lint.codemods.query_place import Chain
from sqla_lint.codemods.site import Refused
from sqla_lint.finding import Edit, Span
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n

_LINE = 100
_LONGEST = 120


class OptionText(NamedTuple):
    """The file and the query in it that is to be changed."""

    module: ModuleIndex
    chain: Chain

    @property
    def lines(self) -> tuple[str, ...]:
        return self.module.source

    @property
    def end(self) -> str:
        return line_end(self.lines)

    def insertion(self, line: int, column: int, content: str) -> Edit:
        """An edit that puts *content* before a character; the column counts from 0."""
        return Edit(self.module.path, Span(line, column + 1, line, column + 1), content)


def chained(text: OptionText, option: n.Expr, more: str) -> Edit:
    """*option* goes on with *more*."""
    return text.insertion(*option.pos[2:], more)


def extended(text: OptionText, options: Sequence[str]) -> list[Edit]:
    """The query with *options*: in its ``.options(...)``, else in one of its own behind the last step."""
    call = text.chain.options
    if call is not None:
        return [_one_more(text, call, options)]
    following = text.chain.following
    node = text.chain.node
    if following is not None and _breaks_line(text, node.pos[2:], following.pos[2:]):
        return [_line_before(text, following, options)]
    step = node.func if isinstance(node, n.Call) and isinstance(node.func, n.Attribute) else node
    if following is None and isinstance(step, n.Attribute) and _breaks_line(text, step.value.pos[2:], step.pos[2:]):
        return [_line_behind(text, step, options)]
    line, column = node.pos[2:]
    added = _call(text, line, column, options)
    around = _call_to_open(text, options) if text.end in added else None
    if around is None:
        return [text.insertion(line, column, added)]
    margin = indentation(text.lines[line - 1])
    start, close = around.args[0].pos[1], around.pos[3] - 1
    option = f".options({', '.join(options)})"
    inner = text.insertion(line, start, f"{text.end}{margin}{unit_of(text.lines)}")
    return [inner, *_together(text, line, column, option, close, f"{text.end}{margin}")]


def _together(text: OptionText, line: int, column: int, option: str, close: int, ending: str) -> list[Edit]:
    """The option and the end of the line behind it, which may be at one place."""
    if column == close:
        return [text.insertion(line, column, option + ending)]
    return [text.insertion(line, column, option), text.insertion(line, close, ending)]


def _call_to_open(text: OptionText, options: Sequence[str]) -> n.Call | None:
    """The outermost call on the query's line whose one argument, with *options*, fits on a line of its own."""
    line = text.chain.node.pos[0]
    found: n.Call | None = None
    inner: object = text.chain.node
    length = len(indentation(text.lines[line - 1]) + unit_of(text.lines) + f".options({', '.join(options)})")
    for node in reversed(text.chain.above):
        if not isinstance(node, (n.Call, n.Attribute, n.Await)) or node.pos[0] != line or node.pos[2] != line:
            break
        if isinstance(node, n.Call) and node.args == (inner,) and not node.keywords:
            start, end = node.args[0].pos[1], node.pos[3] - 1
            plain = text.lines[line - 1][start - 1] == "(" and text.lines[line - 1][node.args[0].pos[3]] == ")"
            if plain and length + end - start <= _room(text):
                found = node
        inner = node
    return found


def with_argument(text: OptionText, call: n.Expr, options: Sequence[str]) -> Edit:
    """``session.get(Model, key)`` with ``options=[...]``.

    Raises:
        Refused: its arguments cannot be read.
    """
    assert isinstance(call, n.Call)
    given = next((keyword.value for keyword in call.keywords if keyword.name == "options"), None)
    if given is not None:
        if not isinstance(given, n.Sequence) or not given.items:
            raise Refused("the options of the query are made elsewhere")
        return _behind_last(text, given.items[-1], options)
    if any(isinstance(arg, n.Starred) for arg in call.args) or any(k.name is None for k in call.keywords):
        raise Refused("the arguments of the query are made elsewhere")
    last = max([*call.args, *(keyword.value for keyword in call.keywords)], key=lambda arg: arg.pos[2:])
    return _behind_last(text, last, [f"options=[{', '.join(options)}]"])


# --- arguments -------------------------------------------------------------------------------------------------------


def _one_more(text: OptionText, call: n.Call, options: Sequence[str]) -> Edit:
    if not call.args:
        return text.insertion(call.pos[2], call.pos[3] - 1, ", ".join(options))
    return _behind_last(text, call.args[-1], options)


def _behind_last(text: OptionText, last: n.Expr, options: Sequence[str]) -> Edit:
    """*options* behind the last argument of a call: on lines of their own if that one is."""
    line, column = _behind_brackets(text, last)
    first = text.lines[last.pos[0] - 1]
    separator = f",{text.end}{indentation(first)}" if not first[: last.pos[1]].strip() else ", "
    return text.insertion(line, column, "".join(separator + option for option in options))


def _behind_brackets(text: OptionText, node: n.Expr) -> tuple[int, int]:
    """Where *node* ends, with the brackets that stand around it alone."""
    line, column = node.pos[2:]
    opened = 0
    start_line, start = node.pos[:2]
    while text.lines[start_line - 1][:start].rstrip().endswith("("):
        head = text.lines[start_line - 1][:start].rstrip()[:-1].rstrip()
        if not head or head[-1] in "(,[=":
            opened += 1
            start = len(head)
        else:
            break
        if not head:
            break
    while opened and text.lines[line - 1][column:].lstrip().startswith(")"):
        rest = text.lines[line - 1][column:]
        column += len(rest) - len(rest.lstrip()) + 1
        opened -= 1
    return line, column


# --- a call of its own -----------------------------------------------------------------------------------------------


def _breaks_line(text: OptionText, start: tuple[int, int], end: tuple[int, int]) -> bool:
    return start[0] != end[0] and text.lines[end[0] - 1].lstrip().startswith(".")


def _line_before(text: OptionText, following: n.Attribute, options: Sequence[str]) -> Edit:
    """On a line of its own before the line that begins with the next method."""
    line = following.pos[2]
    margin = indentation(text.lines[line - 1])
    break_ = f"{_backslash(text, line - 1)}{text.end}{margin}"
    return text.insertion(line, len(margin), f"{_call(text, line, len(margin), options, alone=True)}{break_}")


def _line_behind(text: OptionText, step: n.Attribute, options: Sequence[str]) -> Edit:
    """On a line of its own behind the last step, whose line begins with its name."""
    margin = indentation(text.lines[step.pos[2] - 1])
    line, column = text.chain.node.pos[2:]
    content = f"{text.end}{margin}{_call(text, line, len(margin), options, alone=True)}"
    if _backslash(text, step.pos[2] - 1):
        return text.insertion(line, column, f" \\{content}")
    rest = text.lines[line - 1][column:].rstrip("\r\n")
    if not rest.strip() or rest.lstrip().startswith("#"):
        column += len(rest.rstrip())
    return text.insertion(line, column, content)


def _backslash(text: OptionText, line: int) -> str:
    """What a line of the query ends with so that the next one belongs to it."""
    found = re.search(r"[ \t]*\\[\r\n]*\Z", text.lines[line - 1])
    return " \\" if found is not None else ""


def _call(text: OptionText, line: int, column: int, options: Sequence[str], *, alone: bool = False) -> str:
    """``.options(...)``, broken inside its brackets where the line would be too long."""
    joined = ", ".join(options)
    rest = "" if alone else text.lines[line - 1][column:].rstrip("\r\n")
    room = _room(text)
    if column + len(f".options({joined})") + len(rest) <= room:
        return f".options({joined})"
    margin = indentation(text.lines[line - 1])
    inner = margin + unit_of(text.lines)
    rows = inner + joined + text.end
    if len(options) > 1 and len(inner + joined) > room:
        rows = "".join(f"{inner}{option},{text.end}" for option in options)
    return f".options({text.end}{rows}{margin})"


def _room(text: OptionText) -> int:
    """How long a line may become."""
    return max(_LINE, min(max((len(one.rstrip("\r\n")) for one in text.lines), default=0), _LONGEST))


def unit_of(lines: Sequence[str]) -> str:
    """One step of a file's indentation."""
    for line in lines:
        blanks = indentation(line)
        if blanks and line.strip() and not line.lstrip().startswith(("#", '"', "'")):
            return blanks if blanks.strip("\t") else "\t"
    return "    "
