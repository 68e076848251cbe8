"""The front end that confirms and edits: libcst to the neutral representation.

It gives the same values as :mod:`sqla_lint.lower.from_ast`; a test holds that.
Positions come from following the source text (:mod:`sqla_lint.lower.cst_cursor`), so the text goes with the tree.
"""

from __future__ import annotations

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_blocks import block
from sqla_lint.lower.cst_calls import CALLS
from sqla_lint.lower.cst_displays import DISPLAYS
from sqla_lint.lower.cst_literals import LITERALS
from sqla_lint.lower.cst_lowering import Lowerer, Lowering
from sqla_lint.lower.cst_operators import OPERATORS
from sqla_lint.lower.from_ast import MAX_DEPTH

_EXPRESSIONS: dict[type, Lowerer] = {**LITERALS, **CALLS, **OPERATORS, **DISPLAYS}


def lower_module(tree: cst.Module, text: str, max_depth: int = MAX_DEPTH) -> n.Module:
    """Lower a parsed file.

    Args:
        tree: what ``libcst.parse_module`` returned.
        text: what it was given.
        max_depth: the deepest nesting of expressions and blocks taken; a statement beyond it is a bound.

    Raises:
        TextMismatch: *text* is another one.
    """
    low = Lowering(text, _EXPRESSIONS, max_depth)
    return n.Module(block(low, tree.body), tuple(low.bounds))


def lower_statement(
    tree: cst.CSTNode,
    text: str,
    offset: int = 0,
    first_line: int = 1,
    max_depth: int = MAX_DEPTH,
) -> n.Module:
    """Lower one statement: a module of its one (or, on a line with semicolons, few) statements.

    Args:
        tree: a statement of a libcst tree.
        text: a source text with this statement in it.
        offset: where in *text* the statement begins; blanks and comments may stand before it.
        first_line: the number of the first line of *text*.
        max_depth: as for :func:`lower_module`.

    Raises:
        TextMismatch: another statement stands there.
    """
    low = Lowering(text, _EXPRESSIONS, max_depth, offset, first_line)
    return n.Module(block(low, [tree]), tuple(low.bounds))
