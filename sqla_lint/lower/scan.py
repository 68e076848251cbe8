"""A small scanner over source text: enough of Python's tokens to find brackets, strings, colons and ends of statements.

The standard ``tokenize`` is slower by an order of magnitude and refuses syntax newer than the interpreter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\f\ufeff]+|\\(?:\r\n?|\n)|\#[^\r\n]*)
    |(?P<newline>\r\n?|\n)
    |(?P<string>(?P<prefix>[rR]?[bBuUfFtT]?|[bBfFtT][rR])(?P<quote>'''|\"\"\"|'|"))
    |(?P<word>\w+)
    |(?P<open>[(\[{])
    |(?P<close>[)\]}])
    |(?P<sign>:=|->|\*\*|//|<<|>>|[<>=!]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN_ENDS = {
    quote: re.compile(rf"(?:[^\\]|\\.)*?{quote}" if len(quote) == 3 else rf"(?:[^\\\r\n]|\\.)*?{quote}", re.DOTALL)
    for quote in ("'", '"', "'''", '"""')
}
_NAMED_CHARACTER = re.compile(r"\\N\{[^{}]*\}")
_CLAUSES = frozenset(("elif", "else", "except", "finally"))
_COMPOUND = _CLAUSES | {"if", "while", "for", "try", "with", "def", "class", "async"}
# What makes a tree one level deeper when it stands between two operands.
_LINKING_WORDS = frozenset(("and", "or", "not", "if", "else", "in", "is", "lambda", "await"))
_FLAT_SIGNS = frozenset((",", ":", ";", "=", "->"))


class ScanError(ValueError):
    """The text ends within a string or a bracket, or closes one that is not open."""


class Token(NamedTuple):
    """*kind* is blank, newline, string, word, open, close or sign; the text is ``source[start:end]``."""

    kind: str
    start: int
    end: int


def tokens(text: str, offset: int = 0) -> Iterator[Token]:
    """The tokens of *text* from *offset* on, blanks, comments and newlines (also those within brackets) included.

    Raises:
        ScanError: a string does not end.
    """
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        assert match is not None
        kind = match.lastgroup if match.lastgroup not in ("prefix", "quote") else "string"
        assert kind is not None
        end = _string_end(text, match) if kind == "string" else match.end()
        yield Token(kind, offset, end)
        offset = end


def _string_end(text: str, start: re.Match[str]) -> int:
    prefix, quote = start["prefix"].lower(), start["quote"]
    if "f" in prefix or "t" in prefix:
        return _Formatted(text, quote, "r" in prefix, []).end(start.end())
    end = _PLAIN_ENDS[quote].match(text, start.end())
    if end is None:
        raise ScanError("a string does not end")
    return end.end()


class _Formatted(NamedTuple):
    """An f-string or t-string; *fields* collects where the expressions in it stand."""

    text: str
    quote: str
    raw: bool
    fields: list[tuple[int, int]]

    def end(self, offset: int, in_specification: bool = False) -> int:
        """Just after the string that goes on at *offset*, or the place of the ``}`` that ends a specification."""
        text = self.text
        while offset < len(text):
            char = text[offset]
            if char == "\\":
                offset = self._escape_end(offset)
            elif char == "{":
                doubled = text.startswith("{{", offset) and not in_specification
                offset = offset + 2 if doubled else self._field_end(offset)
            elif char == "}" and in_specification:
                return offset
            elif text.startswith(self.quote, offset):
                return offset + len(self.quote)
            else:
                offset += 1
        raise ScanError("an f-string does not end")

    def _escape_end(self, offset: int) -> int:
        named = None if self.raw else _NAMED_CHARACTER.match(self.text, offset)
        if named is not None:
            return named.end()
        # A brace after a backslash still opens a field.
        return offset + 1 if self.text[offset + 1 : offset + 2] in ("{", "}") else offset + 2

    def _field_end(self, offset: int) -> int:
        """Just after the ``}`` of the replacement field whose ``{`` stands at *offset*."""
        depth = 0
        for kind, start, end in tokens(self.text, offset + 1):
            if kind == "open":
                depth += 1
            elif kind == "close" and depth:
                depth -= 1
            elif kind == "close":
                self.fields.append((offset + 1, start))
                return end
            elif depth == 0 and self.text[start] == ":":
                self.fields.append((offset + 1, start))
                return self.end(start + 1, in_specification=True) + 1
        raise ScanError("a replacement field does not end")


def statement_end(text: str, offset: int) -> tuple[int, int]:
    """Where the statement at *offset* starts, decorators left out, and where its last token ends.

    Args:
        text: the source.
        offset: the first token of the statement, or of its first decorator.

    Raises:
        ScanError: the text is not well-formed.
    """
    indent = _indent(text, offset)
    lines = logical_lines(text, offset)
    for line in lines:
        if text[line[0].start] != "@":
            break
    else:
        raise ScanError("no statement")
    start, end = line[0].start, line[-1].end
    if not _is_compound(text, line):
        return start, _simple_end(text, line)
    for line in lines:
        column = _indent(text, line[0].start)
        if column < indent or (column == indent and text[line[0].start : line[0].end] not in _CLAUSES):
            break
        end = line[-1].end
    return start, end


def _indent(text: str, offset: int) -> int:
    line_start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    return len(text[line_start:offset].rpartition("\f")[2].expandtabs(8))


def _is_compound(text: str, line: list[Token]) -> bool:
    first = text[line[0].start : line[0].end]
    # ``match`` may be a name, too.
    return first in _COMPOUND or (first == "match" and text[line[-1].start] == ":")


def _simple_end(text: str, line: list[Token]) -> int:
    depth = 0
    for previous, token in pairwise(line):
        depth += (token.kind == "open") - (token.kind == "close")
        if depth <= 0 and text[token.start] == ";":
            return previous.end
    return line[-1].end


def logical_lines(text: str, offset: int = 0) -> Iterator[list[Token]]:
    """The tokens of each logical line, without blanks, comments and newlines.

    Raises:
        ScanError: a string does not end.
    """
    depth = 0
    line: list[Token] = []
    for token in tokens(text, offset):
        depth += (token.kind == "open") - (token.kind == "close")
        if token.kind == "newline" and depth <= 0 and line:
            yield line
            line = []
        elif token.kind not in ("blank", "newline"):
            line.append(token)
    if line:
        yield line


def nesting(text: str) -> int:
    """An upper estimate of how deep a tree of *text* nests, indentation left out.

    libcst nests what ``ast`` keeps flat (chains of ``and``, of string pieces), and recurses once for each.

    Raises:
        ScanError: a string does not end, or a bracket is closed that is not open.
    """
    deepest = 0
    chains: dict[int, int] = {}
    for line in logical_lines(text):
        if text.startswith("elif", line[0].start):
            column = _indent(text, line[0].start)
            chains = {key: chains[key] for key in chains if key <= column}
            chains[column] = chains.get(column, 0) + 1
        elif chains and not text.startswith(("else", "except", "finally"), line[0].start):
            column = _indent(text, line[0].start)
            chains = {key: chains[key] for key in chains if key < column}
        deepest = max(deepest, sum(chains.values()) + _line_nesting(text, line))
    return deepest


class _Frame:
    """One bracket's inside: how many links stand since the last comma, and how many lambdas wait for their colon."""

    def __init__(self) -> None:
        self.links = 0
        self.lambdas = 0


def _line_nesting(text: str, line: Iterable[Token]) -> int:
    deepest = total = 0
    frames = [_Frame()]
    previous = ""
    for kind, start, end in line:
        word = text[start:end]
        frame = frames[-1]
        if kind == "close":
            if len(frames) == 1:
                raise ScanError("a bracket is closed that is not open")
            total -= frames.pop().links
        elif word in (",", ";") and not frame.lambdas:
            total, frame.links = total - frame.links, 0
        elif word == ":" and frame.lambdas:
            frame.lambdas -= 1
        elif _links(kind, word) or kind == previous == "string":
            total, frame.links = total + 1, frame.links + 1
            frame.lambdas += word == "lambda"
            if kind == "open":
                frames.append(_Frame())
        deepest = max(deepest, total + (_field_nesting(text, start) if kind == "string" else 0))
        previous = kind
    return deepest


def _links(kind: str, word: str) -> bool:
    return kind == "open" or word in _LINKING_WORDS or (kind == "sign" and word not in _FLAT_SIGNS)


def _field_nesting(text: str, offset: int) -> int:
    """How deep the expressions in the f-string at *offset* nest; 0 for another string."""
    start = _TOKEN.match(text, offset)
    assert start is not None
    if not set(start["prefix"].lower()) & {"f", "t"}:
        return 0
    string = _Formatted(text, start["quote"], "r" in start["prefix"].lower(), [])
    string.end(start.end())
    spans = [text[first:last] for first, last in string.fields]
    return max([_line_nesting(span, _significant(span)) for span in spans], default=0)


def _significant(text: str) -> Iterator[Token]:
    return (token for token in tokens(text) if token.kind not in ("blank", "newline"))
