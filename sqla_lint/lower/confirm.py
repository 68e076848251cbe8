"""A second look at single functions and statements through libcst, whose trees the codemods edit.

Only the statement's own text is parsed: a whole file costs libcst ten times what it costs ``ast``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_cursor import TextMismatch
from sqla_lint.lower.from_cst import lower_module, lower_statement
from sqla_lint.lower.scan import ScanError, nesting

# libcst ends the process on about 2,000 nested parentheses, on a thread's small stack on 400. What ``ast`` keeps flat
# and libcst nests (``and``, pieces of a string) is not seen by the depth that the ``ast`` front end takes.
MAX_NESTING = 300

_LINE_END = re.compile(r"\r\n?")
_BLOCK = "if 1:\n"


class Unconfirmed(NamedTuple):
    """libcst was not asked, or cannot read the text; *reason* says why."""

    reason: str


def confirm_function(
    lines: Sequence[str], function: n.FunctionDef, bounds: Sequence[n.Pos] = ()
) -> n.FunctionDef | Unconfirmed:
    """What libcst makes of *function*, with the file's positions; to be compared with *function*.

    Args:
        lines: the file's lines, with or without their ends, split where Python splits them.
        function: a function of the file, at any depth.
        bounds: the file's statements that nest too deep: a function with one of them is not given to libcst.
    """
    confirmed = confirm_statement(lines, function, bounds)
    if isinstance(confirmed, (n.FunctionDef, Unconfirmed)):
        return confirmed
    return Unconfirmed("libcst reads another statement here")


def confirm_statement(lines: Sequence[str], statement: n.Stmt, bounds: Sequence[n.Pos] = ()) -> n.Stmt | Unconfirmed:
    """As :func:`confirm_function`, for any statement but an ``elif``."""
    pos = statement.pos
    inside = [bound for bound in bounds if pos[:2] <= bound[:2] and bound[2:] <= pos[2:]]
    if inside:
        return Unconfirmed(f"line {inside[0][0]} nests too deep")
    first = _first_line(lines, statement)
    text = _own_text(lines, first, pos)
    indented = _is_indented(text)
    tree = _parse(_BLOCK + text if indented else text)
    if isinstance(tree, Unconfirmed):
        return tree
    return _lower(tree, text, first, indented)


def lower_text(text: str) -> n.Module | Unconfirmed:
    """A whole file through libcst alone, for one whose syntax is newer than the interpreter's.

    Args:
        text: the file's text.
    """
    text = _LINE_END.sub("\n", text)
    tree = _parse(text)
    if isinstance(tree, Unconfirmed):
        return tree
    try:
        return lower_module(tree, text)
    except (TextMismatch, ScanError, RecursionError) as error:
        return Unconfirmed(f"libcst's tree does not fit the text: {error}")


def _first_line(lines: Sequence[str], statement: n.Stmt) -> int:
    """The line on which the statement begins, its decorators included."""
    line = statement.pos[0]
    if isinstance(statement, (n.FunctionDef, n.ClassDef)) and statement.decorators:
        line = min(line, statement.decorators[0].pos[0])
        # The ``@`` may stand lines above its expression: ``@(`` and a comment.
        while line > 1 and not lines[line - 1].lstrip().startswith("@"):
            line -= 1
    return line


def _own_text(lines: Sequence[str], first: int, pos: n.Pos) -> str:
    """The lines of the statement, cut at its end, and with blanks for what stands before it on its line."""
    own = [line.rstrip("\r\n") for line in lines[first - 1 : pos[2]]]
    own[-1] = own[-1][: pos[3]]
    if first == pos[0] and own[0][: pos[1]].strip():
        own[0] = " " * pos[1] + own[0][pos[1] :]
    return "\n".join(own) + "\n"


def _parse(text: str) -> cst.Module | Unconfirmed:
    try:
        depth = nesting(text)
        if depth > MAX_NESTING:
            return Unconfirmed(f"expressions nest about {depth} deep")
        return cst.parse_module(text)
    except ScanError as error:
        return Unconfirmed(f"cannot be scanned: {error}")
    except cst.ParserSyntaxError as error:
        return Unconfirmed(f"libcst cannot parse it: {error.message}")
    except (cst.CSTLogicError, cst.CSTValidationError) as error:
        # It stumbles over some of the newest syntax, like template strings in pieces.
        return Unconfirmed(f"libcst cannot read it: {error}")


def _is_indented(text: str) -> bool:
    # A form feed sets the indentation back.
    return text[: len(text) - len(text.lstrip())].rpartition("\f")[2] != ""


def _lower(tree: cst.Module, text: str, first: int, indented: bool) -> n.Stmt | Unconfirmed:
    node: cst.CSTNode = tree.body[0]
    if indented:
        assert isinstance(node, cst.If)
        node = node.body.body[0]
    try:
        (lowered,) = lower_statement(node, text, first_line=first).body
    except (TextMismatch, ScanError, RecursionError) as error:
        return Unconfirmed(f"libcst's tree does not fit the text: {error}")
    return lowered
