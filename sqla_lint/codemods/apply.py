"""Putting edits into a text."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Sequence

from sqla_lint.finding import Edit


def applied(text: str, lines: Sequence[str], edits: Iterable[Edit]) -> str:
    """*text* with *edits* made, which must not overlap.

    Args:
        text: the whole file.
        lines: its lines with their ends.
        edits: replacements, with lines and columns from 1.
    """
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    starts.append(starts[-1])
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda each: each.span):
        start = starts[edit.span.line - 1] + edit.span.column - 1
        end = starts[edit.span.end_line - 1] + edit.span.end_column - 1
        parts += [text[done:start], edit.content]
        done = end
    return "".join([*parts, text[done:]])


def is_python(lines: Sequence[str], edits: Iterable[Edit]) -> bool:
    """Whether a file with these *lines* parses once *edits* are made."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(applied("".join(lines), lines, edits))
    except (SyntaxError, ValueError):
        return False
    return True


class Taken:
    """The lines that fixes change already. Imports may stand side by side on a line, all else has it for itself."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], set[Edit]] = {}

    def touches(self, edits: Iterable[Edit]) -> bool:
        """Whether one of *edits* is in the way of a change that is to be made already."""
        return any(
            not _side_by_side(edit, other)
            for edit in edits
            for line in touched_lines(edit)
            for other in self._lines.get(line, ())
        )

    def add(self, edits: Iterable[Edit]) -> None:
        """Note that *edits* are to be made."""
        for edit in edits:
            for line in touched_lines(edit):
                self._lines.setdefault(line, set()).add(edit)


def _side_by_side(one: Edit, other: Edit) -> bool:
    if not (one.shared and other.shared):
        return False
    return one.span == other.span or all(edit.span[:2] == edit.span[2:] for edit in (one, other))


def touched_lines(edit: Edit) -> frozenset[tuple[str, int]]:
    """The lines, by file, that *edit* changes."""
    last = edit.span.end_line - (edit.span.end_column == 1 and edit.span.end_line > edit.span.line)
    return frozenset((edit.path, number) for number in range(edit.span.line, last + 1))
