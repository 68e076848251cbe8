"""Positions for a libcst tree: a cursor that follows the source text while the tree is lowered.

A libcst tree knows no positions, and libcst's own provider writes the whole tree out again to find them, which costs
more than parsing. Here each token that the lowering passes is looked for at the cursor, with only blanks and comments
skipped.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

import libcst as cst

from sqla_lint.lower import nodes as n

_BLANKS = re.compile(r"(?:[ \t\f\r\n\ufeff]|\\[\r\n]|#[^\r\n]*)*")
_LINE_END = re.compile(r"\r\n?|\n")


class TextMismatch(ValueError):
    """The text is not what the tree was parsed from."""


class Cursor:
    """A place in a source text.

    Args:
        text: the source that the tree was parsed from.
        offset: the place in *text* to start from.
        first_line: the number of the first line of *text*.
    """

    def __init__(self, text: str, offset: int = 0, first_line: int = 1) -> None:
        self.text = text
        self.offset = offset
        self.first_line = first_line
        self.line_starts = [0, *[end.end() for end in _LINE_END.finditer(text)]]

    def start(self) -> int:
        """Move to the next token and return its offset."""
        match = _BLANKS.match(self.text, self.offset)
        assert match is not None
        self.offset = match.end()
        return self.offset

    def token(self, token: str) -> None:
        """Move past *token*, which is the next one.

        Raises:
            TextMismatch: another one is.
        """
        if not self.text.startswith(token, self.offset) and not self.text.startswith(token, self.start()):
            found = self.text[self.offset : self.offset + 20]
            raise TextMismatch(f"{token!r} expected at offset {self.offset}, found {found!r}")
        self.offset += len(token)

    def verbatim(self, text: str) -> None:
        """Move past *text*, which begins right here."""
        if not self.text.startswith(text, self.offset):
            raise TextMismatch(f"{text[:20]!r} expected at offset {self.offset}")
        self.offset += len(text)

    def comma(self, comma: cst.Comma | cst.MaybeSentinel | None) -> None:
        if comma is not cst.MaybeSentinel.DEFAULT and comma is not None:
            self.token(",")

    def open(self, parentheses: Sequence[cst.LeftParen]) -> None:
        for _ in parentheses:
            self.token("(")

    def close(self, parentheses: Sequence[cst.RightParen]) -> None:
        for _ in parentheses:
            self.token(")")

    def span(self, start: int) -> n.Pos:
        """The position from offset *start* to the cursor."""
        return self.between(start, self.offset)

    def between(self, start: int, end: int) -> n.Pos:
        starts = self.line_starts
        line = bisect_right(starts, start)
        end_line = bisect_right(starts, end, line - 1)
        above = self.first_line - 1
        return (line + above, start - starts[line - 1], end_line + above, end - starts[end_line - 1])
