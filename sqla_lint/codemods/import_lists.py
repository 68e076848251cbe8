"""One more name in a ``from ... import`` that is there already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqla_lint.codemods.layout import Rewrite, indentation, stands_alone, text_at
from sqla_lint.codemods.line_room import room
from sqla_lint.finding import Edit, Span
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower import nodes as n
from sqla_lint.lower.scan import ScanError, tokens

# How long a line may become where no line of the file is longer, and where one is.


class _Item(NamedTuple):
    """One imported name: what it imports, and where it stands in the statement's text."""

    name: str
    start: int
    end: int


class _Listed(NamedTuple):
    """The names of a statement; *opened* is where its bracket opens, or -1; *comma* where a last comma ends, or -1."""

    items: tuple[_Item, ...]
    opened: int
    comma: int


def by_kind(name: str) -> tuple[int, str]:
    """The sort key of a name in an import: constants, classes, functions, each without regard to case."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name.lower())


_ORDERS: tuple[Callable[[str], object], ...] = (by_kind, str.lower, str)


def extended(module: ModuleIndex, stmt: n.ImportFrom, name: str) -> Edit | None:
    """What lets *stmt* import *name* as well; None where that cannot be written cleanly."""
    text = text_at(module.source, stmt.pos)
    listed = _listed(text)
    if listed is None or not listed.items or not stands_alone(module.source, stmt):
        return None
    if listed.opened < 0 and stmt.pos[0] == stmt.pos[2] and not _fits(module, stmt, name):
        return _bracketed(module, stmt, listed, name)
    index = _index([item.name for item in listed.items], name)
    offset, content = _insertion(text, listed, index, name)
    place = _place(stmt.pos, text, offset)
    return Edit(module.path, Span(*place, *place), content, shared=True)


def _listed(text: str) -> _Listed | None:
    """The names that the text of an import lists."""
    words: list[tuple[str, int, int]] = []
    opened = -1
    try:
        for kind, start, end in tokens(text):
            if kind == "open":
                opened = start
            elif kind == "word" or text[start:end] in (",", "*"):
                words.append((text[start:end], start, end))
    except ScanError:
        return None
    start_at = next((k for k, word in enumerate(words) if word[0] == "import"), None)
    if start_at is None or any(word[0] == "*" for word in words):
        return None
    items: list[_Item] = []
    group: list[tuple[str, int, int]] = []
    comma = -1
    for word in [*words[start_at + 1 :], (",", len(text), len(text))]:
        if word[0] != ",":
            group.append(word)
            continue
        if group:
            items.append(_Item(group[0][0], group[0][1], group[-1][2]))
            comma = word[2] if word[1] < len(text) else -1
        group = []
    return _Listed(tuple(items), opened, comma)


def _index(names: Sequence[str], name: str) -> int:
    """Where *name* goes among *names*: sorted if they are, else behind them."""
    for order in _ORDERS:
        keys = [order(one) for one in names]
        if keys == sorted(keys):  # type: ignore[type-var]
            return sum(key < order(name) for key in keys)  # type: ignore[operator]
    return len(names)


def _insertion(text: str, listed: _Listed, index: int, name: str) -> tuple[int, str]:
    """Where in the statement's text to insert what."""
    if index < len(listed.items):
        start = listed.items[index].start
        line = text[: text.rfind("\n", 0, start) + 1]
        blanks = text[len(line) : start]
        own_line = listed.opened >= 0 and bool(line) and not blanks.strip()
        return start, f"{name},{_break_before(line)}{blanks}" if own_line else f"{name}, "
    last = listed.items[-1]
    line = text[: text.rfind("\n", 0, last.start) + 1]
    blanks = text[len(line) : last.start]
    if listed.opened < 0 or not line or blanks.strip():
        return last.end, f", {name}"
    if listed.comma < 0:
        return last.end, f",{_break_before(line)}{blanks}{name}"
    following = text.find("\n", listed.comma) + 1
    if not following:
        return listed.comma, f" {name},"
    return following, f"{blanks}{name},{_break_before(text[:following])}"


def _break_before(text: str) -> str:
    """The line break that *text* ends with."""
    return "\r\n" if text.endswith("\r\n") else "\n"


def _fits(module: ModuleIndex, stmt: n.ImportFrom, name: str) -> bool:
    length = len(module.source[stmt.pos[0] - 1].rstrip("\r\n")) + len(name) + 2
    return length <= room(module.source)


def _bracketed(module: ModuleIndex, stmt: n.ImportFrom, listed: _Listed, name: str) -> Edit:
    """The statement with a name on each line."""
    text = text_at(module.source, stmt.pos)
    written = [text[item.start : item.end] for item in listed.items]
    written.insert(_index([item.name for item in listed.items], name), name)
    end = Rewrite(module.path, module.source).line_end
    margin = indentation(module.source[stmt.pos[0] - 1])
    rows = "".join(f"{margin}    {one},{end}" for one in written)
    content = f"({end}{rows}{margin})"
    first = _place(stmt.pos, text, listed.items[0].start)
    return Edit(module.path, Span(*first, stmt.pos[2], stmt.pos[3] + 1), content, shared=True)


def _place(pos: n.Pos, text: str, offset: int) -> tuple[int, int]:
    """The line and column, from 1, of an offset in the text at *pos*."""
    breaks = text.count("\n", 0, offset)
    if not breaks:
        return pos[0], pos[1] + offset + 1
    return pos[0] + breaks, offset - (text.rfind("\n", 0, offset) + 1) + 1
