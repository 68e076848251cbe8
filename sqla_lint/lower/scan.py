"""A small scanner over source text: enough of Python's tokens to find brackets, strings, colons and ends of statements.

The standard ``tokenize`` is slower by an order of magnitude and refuses syntax newer than the interpreter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
_NOT_LINKING_SIGNS = frozenset((",", ":", ";", "=", "->", ":="))


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
        return _formatted_end(text, start.end(), quote, "r" in prefix)
    end = _PLAIN_ENDS[quote].match(text, start.end())
    if end is None:
        raise ScanError("a string does not end")
    return end.end()


def _formatted_end(text: str, offset: int, quote: str, raw: bool, spec: bool = False) -> int:
    """The end of an f-string, or, with *spec*, the place of the ``}`` that ends a format specification."""
    while offset < len(text):
        char = text[offset]
        if char == "\\":
            offset = _escape_end(text, offset, quote, raw)
        elif char == "{":
            offset = offset + 2 if text.startswith("{{", offset) and not spec else _field_end(text, offset, quote, raw)
        elif char == "}" and spec:
            return offset
        elif text.startswith(quote, offset):
            return offset + len(quote)
        else:
            offset += 1
    raise ScanError("an f-string does not end")


def _escape_end(text: str, offset: int, quote: str, raw: bool) -> int:
    named = None if raw else _NAMED_CHARACTER.match(text, offset)
    if named is not None:
        return named.end()
    # A brace after a backslash still opens a field.
    return offset + 1 if text[offset + 1 : offset + 2] in ("{", "}") else offset + 2


def _field_end(text: str, offset: int, quote: str, raw: bool) -> int:
    """Just after the ``}`` of the replacement field whose ``{`` stands at *offset*."""
    depth = 0
    for token in tokens(text, offset + 1):
        word = text[token.start : token.end]
        if token.kind == "open":
            depth += 1
        elif token.kind == "close" and depth:
            depth -= 1
        elif token.kind == "close":
            return token.end
        elif depth == 0 and word in (":", ":="):
            return _formatted_end(text, token.start + 1, quote, raw, spec=True) + 1
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


def _line_nesting(text: str, line: list[Token]) -> int:
    deepest = total = 0
    frames = [0]
    previous = ""
    for kind, start, end in line:
        word = text[start:end]
        if kind == "close":
            if len(frames) == 1:
                raise ScanError("a bracket is closed that is not open")
            total -= frames.pop()
        elif word in _NOT_LINKING_SIGNS:
            total -= frames[-1]
            frames[-1] = 0
        elif kind in ("open", "sign") or word in _LINKING_WORDS or kind == previous == "string":
            frames[-1] += 1
            total += 1
            deepest = max(deepest, total)
            if kind == "open":
                frames.append(0)
        previous = kind
    return deepest
