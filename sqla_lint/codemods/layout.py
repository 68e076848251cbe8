"""Changing lines of a file: blocks indented and dedented, statements taken out, comments kept, all else byte for byte.

What is written here is text; the statements that it moves come from trees, and what comes out is parsed again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from sqla_lint.finding import Edit, Span
from sqla_lint.lower import nodes as n
from sqla_lint.lower.scan import ScanError, tokens

_LINE_END = re.compile(r"[\r\n]*\Z")
_CLAUSE = {"orelse": "else", "final": "finally"}
# Comments to tools: on a line that goes they have nothing left to say.
_PRAGMA = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:|nosec|pylint:|pyright:|mypy:|sqla-lint:|fmt:)", re.IGNORECASE)


class Unmovable(Exception):
    """The lines cannot be changed without touching what does not belong to them; the text says why."""


def indentation(line: str) -> str:
    """The blanks that a line begins with; a form feed among them sets the indentation back."""
    return line[: len(line) - len(line.lstrip(" \t\f"))].rpartition("\f")[2]


def stands_alone(lines: Sequence[str], stmt: n.Stmt) -> bool:
    """Whether no other statement shares a line with *stmt*."""
    first, column, last, end = stmt.pos
    rest = lines[last - 1][end:].strip()
    return not lines[first - 1][:column].strip() and (not rest or rest.startswith("#"))


def text_at(lines: Sequence[str], pos: n.Pos) -> str:
    """The text that *pos* covers."""
    first, column, last, end = pos
    if first == last:
        return lines[first - 1][column:end]
    return "".join([lines[first - 1][column:], *lines[first : last - 1], lines[last - 1][:end]])


def string_lines(lines: Sequence[str], first: int, last: int) -> frozenset[int]:
    """The lines from *first* to *last* that begin inside a string: what stands there is the string's own.

    Raises:
        Unmovable: the text cannot be scanned.
    """
    found: set[int] = set()
    text, line = "".join(lines[first - 1 : last]), first
    try:
        for kind, start, end in tokens(text):
            breaks = len(re.findall(r"\r\n?|\n", text[start:end]))
            if kind == "string":
                found.update(range(line + 1, line + breaks + 1))
            line += breaks
    except ScanError as error:
        raise Unmovable(f"its lines cannot be scanned: {error}") from error
    return frozenset(found)


def continued_lines(lines: Sequence[str], first: int, last: int) -> frozenset[int]:
    """The lines from *first* to *last* that go on with what a bracket or a backslash above them began.

    Raises:
        Unmovable: the text cannot be scanned.
    """
    found: set[int] = set()
    text, line, depth = "".join(lines[first - 1 : last]), first, 0
    try:
        for kind, start, end in tokens(text):
            depth += (kind == "open") - (kind == "close")
            breaks = len(re.findall(r"\r\n?|\n", text[start:end]))
            if breaks and (depth > 0 or text[:start].endswith("\\") or text[start:end].startswith("\\")):
                found.update(range(line + 1, line + breaks + 1))
            line += breaks
    except ScanError as error:
        raise Unmovable(f"its lines cannot be scanned: {error}") from error
    return frozenset(found)


def clause_line(lines: Sequence[str], block: Sequence[n.Stmt], field: str) -> int:
    """The line of the ``else:`` or ``finally:`` that *block* belongs to.

    Raises:
        Unmovable: it is not found on a line of its own.
    """
    word = _CLAUSE[field]
    for number in range(block[0].pos[0] - 1, 0, -1):
        text = lines[number - 1].strip(" \t\f\r\n")
        if re.match(rf"{word}\s*:\s*(#.*)?$", text):
            return number
        if text and not text.startswith("#"):
            break
    raise Unmovable(f"its `{word}` shares a line with other code")


class Rewrite:
    """The lines of one file while a fix changes them; line numbers are those of the file as it was."""

    def __init__(self, path: str, lines: Sequence[str]) -> None:
        self.path = path
        self.before = lines
        self._now: list[str] = list(lines)
        self._ahead: dict[int, list[str]] = {}

    @property
    def line_end(self) -> str:
        """How the file ends its lines."""
        return _LINE_END.search(self.before[0]).group() or "\n"  # type: ignore[union-attr]

    def replace(self, pos: n.Pos, text: str) -> None:
        """Put *text* where *pos* is."""
        first, column, last, end = pos
        tail = self._now[last - 1][end:]
        self._now[first - 1] = self._now[first - 1][:column] + text + tail
        for number in range(first + 1, last + 1):
            self._now[number - 1] = ""

    def insert_before(self, number: int, text: str) -> None:
        """Put a line (without its end) before line *number*."""
        self._ahead.setdefault(number, []).append(text + self.line_end)

    def insert_behind(self, pos: n.Pos, text: str) -> None:
        """Put a line behind the statement at *pos*, indented as that is by now."""
        self.insert_before(pos[2] + 1, indentation(self._now[pos[0] - 1]) + text)

    def shift(self, first: int, last: int, old: str, new: str) -> None:
        """Let the lines from *first* to *last* that are indented by *old* be indented by *new*.

        Blank lines, and lines that begin inside a string, stay as they are; so do comments and the continuations of
        brackets that stand further out.

        Raises:
            Unmovable: a line of code is indented with other characters.
        """
        inside = string_lines(self.before, first, last)
        continued = continued_lines(self.before, first, last)
        for number in range(first, last + 1):
            line = self._now[number - 1]
            if number in inside or not line.strip():
                continue
            blanks = line[: len(line) - len(line.lstrip(" \t\f"))]
            head = blanks[: blanks.rfind("\f") + 1]
            rest = line[len(head) :]
            if rest.startswith(old):
                self._now[number - 1] = head + new + rest[len(old) :]
            elif number not in continued and not rest.lstrip().startswith("#"):
                raise Unmovable(f"line {number} is indented with other characters than its block")

    def remove(self, first: int, last: int) -> None:
        """Take lines out. A comment on the first or last of them that says something stays, on a line of its own."""
        inside = string_lines(self.before, first, last)
        margin = indentation(self._now[first - 1])
        for number in range(first, last + 1):
            comment = "" if number in inside else _comment(self.before[number - 1])
            kept = comment and not _PRAGMA.match(comment)
            end = _LINE_END.search(self._now[number - 1]).group()  # type: ignore[union-attr]
            self._now[number - 1] = margin + comment + end if kept else ""

    def tidy(self, first: int, last: int) -> None:
        """Take out blank lines that what was removed between *first* and *last* leaves twice, or at a block's end."""
        gone = [k for k in range(first, last + 1) if not self._now[k - 1] and self.before[k - 1].strip()]
        for _, run in groupby(enumerate(gone), lambda pair: pair[1] - pair[0]):
            group = [number for _, number in run]
            above, below = self._neighbour(group[0], -1), self._neighbour(group[-1], 1)
            if above is None or not self._is_blank(group[0] - 1):
                if above is not None and self._opens_block(above) and self._is_blank(group[-1] + 1):
                    self._drop_blanks(group[-1] + 1, 1)
                continue
            if below is None or self._is_blank(group[-1] + 1) or self._is_outer(below, group[0]):
                self._drop_blanks(group[0] - 1, -1)

    def _neighbour(self, number: int, step: int) -> int | None:
        """The next line with text on it, above or below."""
        number += step
        while 1 <= number <= len(self.before):
            if self._now[number - 1].strip():
                return number
            number += step
        return None

    def _is_blank(self, number: int) -> bool:
        return 1 <= number <= len(self.before) and self._now[number - 1] != "" and not self._now[number - 1].strip()

    def _opens_block(self, number: int) -> bool:
        return _code(self._now[number - 1]).endswith(":")

    def _is_outer(self, number: int, than: int) -> bool:
        return len(indentation(self.before[number - 1])) < len(indentation(self.before[than - 1]))

    def _drop_blanks(self, number: int, step: int) -> None:
        while self._is_blank(number):
            self._now[number - 1] = ""
            number += step

    def begin_block(self, number: int) -> None:
        """Take out the blank lines from line *number* on: a block begins right under its head."""
        while number <= len(self.before) and (self._is_blank(number) or not self._now[number - 1]):
            self._now[number - 1] = ""
            number += 1

    # --- what came of it

    def edits(self) -> tuple[Edit, ...]:
        """The change as replacements, each as narrow as its line allows."""
        self._keep_missing_end()
        return tuple(edit for number in range(1, len(self.before) + 2) for edit in self._line_edits(number))

    def _keep_missing_end(self) -> None:
        if self.before and not self.before[-1].endswith(("\r", "\n")) and not self._now[-1]:
            last = next((k for k in range(len(self._now) - 1, -1, -1) if self._now[k]), None)
            if last is not None:
                self._now[last] = self._now[last].rstrip("\r\n")

    def _line_edits(self, number: int) -> Iterable[Edit]:
        if number > len(self.before):
            yield from self._behind_the_end(number)
            return
        old, new = self.before[number - 1], "".join([*self._ahead.get(number, ()), self._now[number - 1]])
        if old == new:
            return
        head = _common(old, new)
        tail = _common(old[head:][::-1], new[head:][::-1])
        yield Edit(
            self.path, Span(*self._end(number, head), *self._end(number, len(old) - tail)), new[head : len(new) - tail]
        )

    def _behind_the_end(self, number: int) -> Iterable[Edit]:
        """What goes behind the last line; a last line without an end gets one, and what is added has none then."""
        added = "".join(self._ahead.get(number, ()))
        if added:
            last = self.before[-1]
            ended = last.endswith(("\r", "\n"))
            place = (number, 1) if ended else (number - 1, len(last) + 1)
            yield Edit(
                self.path, Span(*place, *place), added if ended else self.line_end + added.removesuffix(self.line_end)
            )

    def _end(self, number: int, offset: int) -> tuple[int, int]:
        whole = offset == len(self.before[number - 1]) and self.before[number - 1].endswith(("\r", "\n"))
        return (number + 1, 1) if whole else (number, offset + 1)


def _common(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _comment(line: str) -> str:
    """The comment that ends a line, or nothing."""
    try:
        found = [line[start:end] for kind, start, end in tokens(line) if kind == "blank" and line[start] == "#"]
    except ScanError:
        return ""
    return found[-1] if found else ""


def _code(line: str) -> str:
    """A line without its comment and the blanks around it."""
    return line.removesuffix(_LINE_END.search(line).group()).removesuffix(_comment(line)).strip()  # type: ignore[union-attr]
