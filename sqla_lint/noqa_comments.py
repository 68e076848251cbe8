"""Writing ``# noqa`` comments: one for all findings of a line, where flake8 and we look for it.

A comment that is there is extended, since only the first of a line is read. What a line is, :mod:`suppressions` knows:
in a multi-line string and before a backslash there is no room for a comment, so it stands behind the last of the lines
that are read as one.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqla_lint.finding import Finding
from sqla_lint.selection import SYNTAX_ERROR
from sqla_lint.source import Source, Unreadable, decode, parse
from sqla_lint.suppressions import NOQA, Lines, joined_lines, universal

_BLANKS = " \t\f"
Left = tuple[Finding, str]


class Annotated(NamedTuple):
    """The files with comments added, by path; the findings that these are for; those that are left, and why."""

    changed: Mapping[str, Source]
    done: tuple[Finding, ...]
    left: tuple[Left, ...]


class _Insertion(NamedTuple):
    """Text to put into a line: at *column* (from 0), in place of the blanks that end the line if that is None."""

    line: int
    column: int | None
    text: str


class _Refused(Exception):
    """A comment cannot be written; the message says why."""


def annotate(files: Mapping[str, Source], findings: Sequence[Finding], barred: Collection[str]) -> Annotated:
    """Add comments that suppress *findings*.

    Args:
        files: the files that could be read, by path; none is written.
        findings: what is to be suppressed.
        barred: paths of files in which comments were tried, and found not to suppress everything.
    """
    by_path: dict[str, list[Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.path, []).append(finding)
    changed: dict[str, Source] = {}
    done: list[Finding] = []
    left: list[Left] = []
    for path, found in by_path.items():
        try:
            if path not in files:
                raise _Refused("this is no Python file that can be read")
            if path in barred:
                raise _Refused("a comment on its line does not suppress it")
            after, suppressed, refused = _with_comments(files[path], found)
        except _Refused as reason:
            left.extend((finding, str(reason)) for finding in found)
            continue
        changed.update({path: after} if suppressed else {})
        done.extend(suppressed)
        left.extend(refused)
    return Annotated(changed, tuple(done), tuple(left))


def _with_comments(source: Source, findings: Sequence[Finding]) -> tuple[Source, list[Finding], list[Left]]:
    before = parse(source)
    if isinstance(before, Unreadable) or any(finding.code == SYNTAX_ERROR for finding in findings):
        raise _Refused("the file does not parse, so that nothing shows that a comment leaves it as it is")
    lines = joined_lines(source)
    insertions: dict[_Insertion, list[Finding]] = {}
    left: list[Left] = []
    for together, found in _by_lines(findings, lines).items():
        try:
            insertions[_insertion(source, together, lines, sorted({finding.code for finding in found}))] = found
        except _Refused as reason:
            left.extend((finding, str(reason)) for finding in found)
    possible = list(insertions)
    if not _keeps(source, before, possible):
        possible = [insertion for insertion in insertions if _keeps(source, before, [insertion])]
    done = [finding for insertion in possible for finding in insertions[insertion]]
    no_room = "there is no room for a comment where it would be read"
    left.extend((finding, no_room) for each in insertions if each not in possible for finding in insertions[each])
    return _with(source, possible), done, left


def _keeps(source: Source, before: ast.AST, insertions: Sequence[_Insertion]) -> bool:
    """Whether the program stays what it is."""
    now = parse(_with(source, insertions))
    return not isinstance(now, Unreadable) and _same_program(before, now)


def _by_lines(findings: Iterable[Finding], lines: Lines) -> dict[range, list[Finding]]:
    by_lines: dict[range, list[Finding]] = {}
    for finding in findings:
        line = finding.span.line
        by_lines.setdefault(lines.ranges.get(line, range(line, line + 1)), []).append(finding)
    return by_lines


def _insertion(source: Source, together: range, lines: Lines, codes: Sequence[str]) -> _Insertion:
    """What to write into the lines that are read as one.

    Raises:
        _Refused: what is read first stands in a string.
    """
    text = "".join(universal(line) for line in source.lines[together.start - 1 : together.stop - 1])
    found = NOQA.search(text)
    if found is None:
        return _Insertion(together.stop - 1, None, f"  # noqa: {', '.join(codes)}")
    end = found.end()
    if found["codes"] is not None:
        end = found.start("codes") + len(found["codes"].rstrip(_BLANKS + ",\r\n"))
    before = text[:end]
    line = together.start + before.count("\n")
    column = len(before) - (before.rfind("\n") + 1)
    if lines.comments.get(line, column) >= column:
        raise _Refused(f"the string at line {line} says `# noqa`, which is read instead of a comment")
    return _Insertion(line, column, f", {', '.join(codes)}")


def _inserted(source: Source, insertions: Iterable[_Insertion]) -> Iterator[str]:
    by_line = {insertion.line: insertion for insertion in insertions}
    for number, line in enumerate(source.lines, 1):
        body = line.rstrip("\r\n")
        end = line[len(body) :]
        insertion = by_line.get(number)
        if insertion is None:
            yield line
        elif insertion.column is None:
            yield body.rstrip(_BLANKS) + insertion.text + end
        else:
            yield body[: insertion.column] + insertion.text + body[insertion.column :] + end


def _with(source: Source, insertions: Sequence[_Insertion]) -> Source:
    """*source* with text inserted, in its encoding.

    Raises:
        _Refused: the encoding would write the rest of the file in other bytes.
    """
    text = "".join(_inserted(source, insertions))
    try:
        if source.text.encode(source.encoding) == source.data:
            after = decode(source.path, text.encode(source.encoding))
            if isinstance(after, Source) and after.text == text:
                return after
    except (LookupError, ValueError):
        pass
    raise _Refused(f"the file cannot be written again in its encoding, {source.encoding}")


def _same_program(before: ast.AST, after: ast.AST) -> bool:
    """Whether two trees are the same, places included: a comment at the end of a line moves nothing."""
    left, right = ast.walk(before), ast.walk(after)
    missing = object()
    for one in left:
        other = next(right, missing)
        if not isinstance(other, ast.AST) or _content(one) != _content(other):
            return False
    return next(right, missing) is missing


def _content(node: ast.AST) -> list[Any]:
    fields = [_plain(value) for _, value in ast.iter_fields(node)]
    return [type(node), *fields, *(getattr(node, name, None) for name in node._attributes)]


def _plain(value: Any) -> Any:
    """A field without the nodes below it, which are compared by themselves."""
    if isinstance(value, ast.AST):
        return type(value)
    return [_plain(item) for item in value] if isinstance(value, list) else (type(value), value)
