"""For people: each finding with its code, a marker under what is meant, the places that explain it, and what to do."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import click

from sqla_lint.finding import Finding, Span
from sqla_lint.report import Report
from sqla_lint.reporters import View, one_line, visible
from sqla_lint.source import Source

_CONTEXT: Final = 1
_TAB: Final = 4
_SEVERITY_COLOR: Final = {"error": "red", "warning": "yellow"}


class _Place(NamedTuple):
    """A stretch of a file, what draws attention to it, and what is said below it."""

    path: str
    span: Span
    marker: str
    color: str
    label: str


def render(report: Report, view: View) -> str:
    """The findings, each as a block, with an empty line between two."""
    explained: set[str] = set()
    blocks = []
    for finding in report.findings:
        blocks.append("\n".join(_block(finding, report, view, explain=finding.code not in explained)) + "\n")
        explained.add(finding.code)
    return "\n".join(blocks)


def _block(finding: Finding, report: Report, view: View, *, explain: bool) -> Iterator[str]:
    color = _SEVERITY_COLOR[finding.severity]
    places = [_Place(finding.path, finding.span, "^", color, "")]
    places.extend(_Place(each.path, each.span, "-", "blue", one_line(each.message)) for each in finding.related)
    gutter = max(len(str(place.span.line + _CONTEXT)) for place in places)
    head = _style(view, f"{finding.code} {finding.name}", fg=color, bold=True)
    yield f"{head}{_style(view, ': ' + one_line(finding.message), bold=True)}"
    where = f" in {finding.function}" if finding.function else ""
    for number, place in enumerate(places):
        arrow = "-->" if number == 0 else ":::"
        line, column = place.span[:2]
        at = f"{one_line(view.relative(place.path))}:{line}:{column}"
        yield f"{' ' * gutter}{_style(view, arrow, fg='blue', bold=True)} {at}{where if number == 0 else ''}"
        yield from _frame(place, report.sources.get(place.path), gutter, view, context=_CONTEXT if number == 0 else 0)
    advice = list(_advice(finding, explain))
    if advice:
        yield f"{' ' * gutter} {_style(view, '|', fg='blue', bold=True)}"
    for title, text in advice:
        yield f"{' ' * gutter} {_style(view, '=', fg='blue', bold=True)} {_style(view, title, bold=True)}: {text}"


def _advice(finding: Finding, explain: bool) -> Iterator[tuple[str, str]]:
    if finding.fix:
        flags = "--fix" if finding.fix.applicability == "safe" else "--fix --unsafe-fixes"
        yield "help", f"{one_line(finding.fix.summary)} (`sqla-lint {flags}`)"
    if explain:
        yield "help" if not finding.fix else "note", f"`sqla-lint --explain {finding.code}` tells why"


def _frame(place: _Place, source: Source | None, gutter: int, view: View, *, context: int) -> Iterator[str]:
    """The lines around a place, as far as the file has them, and a marker under it."""
    bar = _style(view, "|", fg="blue", bold=True)
    if source is None or not 1 <= place.span.line <= len(source.lines):
        if place.label:
            yield f"{' ' * gutter} {bar} {place.label}"
        return
    room = view.width - gutter - 4
    cells = _cells(source.line(place.span.line))
    start, stop = _marked(place.span, cells)
    offset = _offset(cells, start, stop, room)
    yield f"{' ' * gutter} {bar}"
    for number in _line_numbers(place.span.line, source, 0 if offset else context):
        text = _clipped(_cells(source.line(number)), offset, room)
        yield f"{_style(view, str(number).rjust(gutter), fg='blue', bold=True)} {bar} {text}".rstrip()
        if number == place.span.line:
            left = _width(cells[offset:start]) + (1 if offset else 0)
            marker = place.marker * max(min(_width(cells[start:stop]), room - left), 1)
            below = f"{marker} {place.label}".rstrip()
            yield f"{' ' * gutter} {bar} {' ' * left}{_style(view, below, fg=place.color, bold=True)}"


def _line_numbers(line: int, source: Source, context: int) -> list[int]:
    """The line and its neighbours, as far as they exist and are not blank."""
    numbers = range(max(line - context, 1), min(line + context, len(source.lines)) + 1)
    return [number for number in numbers if number == line or source.line(number).strip()]


def _cells(line: str) -> list[str]:
    """Each character of a line as what is printed for it."""
    if line.isprintable():
        return list(line)
    return [" " * _TAB if character == "\t" else visible(character) for character in line]


def _marked(span: Span, cells: Sequence[str]) -> tuple[int, int]:
    """Where the marker begins and ends on the span's first line."""
    start = min(span.column - 1, len(cells))
    stop = span.end_column - 1 if span.end_line == span.line else _end_of_text(cells)
    return start, min(max(stop, start), len(cells))


def _end_of_text(cells: Sequence[str]) -> int:
    return max((number for number, cell in enumerate(cells, 1) if not cell.isspace()), default=0)


def _offset(cells: Sequence[str], start: int, stop: int, room: int) -> int:
    """How many characters of a long line to leave out on its left, so that the marker is seen."""
    if _width(cells[:stop]) <= room:
        return 0
    return max(start - room // 4, 0)


def _clipped(cells: Sequence[str], offset: int, room: int) -> str:
    text = ("…" if offset and cells[offset:] else "") + "".join(cells[offset:])
    if _width(text) <= room:
        return text
    while _width(text) > room - 1:
        text = text[: room - 1] if len(text) > room - 1 else text[:-1]
    return text + "…"


def _width(cells: Sequence[str]) -> int:
    """How many columns of a terminal a text takes."""
    text = "".join(cells)
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _style(view: View, text: str, *, fg: str | None = None, bold: bool = False) -> str:
    return click.style(text, fg=fg, bold=bold) if view.color else text
