"""Where the head of a compound statement ends: what a finding on ``except ...:`` or ``with ...:`` covers."""

from __future__ import annotations

from collections.abc import Sequence

from sqla_lint.lower import nodes as n
from sqla_lint.lower.scan import ScanError, tokens

# Most heads end within a few lines, and the text behind them may be long.
_FIRST_LINES = 8


def head_end(lines: Sequence[str], pos: n.Pos) -> tuple[int, int]:
    """Just after the colon that ends the head of the compound statement (or handler) at *pos*: line and column.

    Args:
        lines: the file's lines, with or without their ends.
        pos: the statement's position; of its end only the line matters.

    Raises:
        ValueError: no colon ends a head there.
    """
    count = _FIRST_LINES
    while True:
        end = _head_end_within(lines[pos[0] - 1 : min(pos[0] - 1 + count, pos[2])], pos[1])
        if end is not None:
            return pos[0] + end[0], end[1]
        if pos[0] - 1 + count >= pos[2]:
            raise ValueError(f"no head of a compound statement at line {pos[0]}, column {pos[1]}")
        count *= 4


def _head_end_within(lines: Sequence[str], column: int) -> tuple[int, int] | None:
    text = "\n".join([line.rstrip("\r\n") for line in lines])
    try:
        offset = _colon_end(text, column)
    except ScanError:
        return None
    if offset is None:
        return None
    return text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1


def _colon_end(text: str, offset: int) -> int | None:
    depth = lambdas = 0
    for kind, start, end in tokens(text, offset):
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
        elif depth == 0 and kind == "word" and text[start:end] == "lambda":
            lambdas += 1
        elif depth == 0 and text[start:end] == ":":
            if lambdas == 0:
                return start + 1
            lambdas -= 1
    return None
