"""Putting edits into a text."""

from __future__ import annotations

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


def touched_lines(edits: Iterable[Edit]) -> frozenset[tuple[str, int]]:
    """The lines, by file, that *edits* change."""
    found: set[tuple[str, int]] = set()
    for edit in edits:
        last = edit.span.end_line - (edit.span.end_column == 1 and edit.span.end_line > edit.span.line)
        found.update((edit.path, number) for number in range(edit.span.line, last + 1))
    return frozenset(found)
