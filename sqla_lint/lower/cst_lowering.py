"""What every part of the libcst front end shares: the state of one lowering."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_cursor import Cursor


class TooDeep(Exception):
    """The code nests deeper than the lowering's limit; the statement becomes a bound."""


# Lowers a node whose first token, parentheses around it left out, stands at the given offset.
Lowerer: TypeAlias = "Callable[[Lowering, Any, int], n.Expr]"


class Lowering(Cursor):
    """The lowering of one text: its cursor, how deep it stands, and the statements that were too deep."""

    def __init__(
        self, text: str, lowerers: Mapping[type, Lowerer], max_depth: int, offset: int = 0, first_line: int = 1
    ) -> None:
        super().__init__(text, offset, first_line)
        self.lowerers = lowerers
        self.max_depth = max_depth
        self.depth = 0
        self.bounds: list[n.Pos] = []

    def deeper(self) -> None:
        """Enter one level.

        Raises:
            TooDeep: it is one too many.
        """
        self.depth += 1
        if self.depth > self.max_depth:
            raise TooDeep

    def expr(self, node: Any) -> n.Expr:
        self.deeper()
        kind = type(node)
        lpar = node.lpar
        # A tuple's and a generator's innermost parentheses are part of it.
        inner = 1 if kind is cst.Tuple or kind is cst.GeneratorExp else 0
        if lpar:
            self.open(lpar[inner:])
        lowered: n.Expr = self.lowerers[kind](self, node, self.start())
        if lpar:
            self.close(lpar[inner:])
        self.depth -= 1
        return lowered

    def maybe(self, node: cst.BaseExpression | None) -> n.Expr | None:
        return None if node is None else self.expr(node)

    def after(self, token: str, node: cst.BaseExpression) -> n.Expr:
        """The expression behind *token*."""
        self.token(token)
        return self.expr(node)

    def name(self, node: cst.Name) -> str:
        """Move past a name that is no expression."""
        self.open(node.lpar)
        self.token(node.value)
        self.close(node.rpar)
        return identifier(node.value)

    def skipped(self, node: cst.BaseExpression) -> None:
        """Move past an expression that has no place in the representation, at no depth."""
        depth, self.depth = self.depth, -self.max_depth
        self.expr(node)
        self.depth = depth


def identifier(name: str) -> str:
    """A name as Python knows it: normalised."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)
