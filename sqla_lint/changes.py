"""Two versions of a file: written whole or not at all, shown as a diff, told as edits."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator

from sqla_lint.discovery import Problem
from sqla_lint.finding import Edit, Span
from sqla_lint.source import Source, Unreadable, decode, parse

_QUOTED = re.compile(r'[\x00-\x1f"\\\x7f]')


def checked(path: str, data: bytes) -> Source | Unreadable:
    """*data* as a source, or why it must not be written to *path*: what does not parse never replaces a file."""
    after = decode(path, data)
    if isinstance(after, Unreadable):
        return after
    parsed = parse(after)
    return parsed if isinstance(parsed, Unreadable) else after


def write_all(changed: Iterable[tuple[Source, Source]]) -> tuple[Problem, ...]:
    """Write each pair's second version in place of the first, and say which could not be written."""
    problems: list[Problem] = []
    for before, after in changed:
        try:
            write_whole(before, after)
        except OSError as error:
            problems.append(Problem(before.path, f"cannot be written: {error.strerror or error}"))
    return tuple(problems)


def write_whole(before: Source, after: Source) -> None:
    """Replace a file by its new version in one step, keeping its mode; a link stays a link.

    Raises:
        OSError: the file cannot be replaced, or is no longer what *before* says. It is then as it was.
    """
    path = os.path.realpath(before.path)
    with open(path, "rb") as file:
        if file.read() != before.data:
            raise OSError("it was changed by somebody else in the meantime")
    if not os.access(path, os.W_OK):
        raise PermissionError("it is read-only")
    _replace(path, after.data, stat.S_IMODE(os.stat(path).st_mode))


def put_whole(path: str, data: bytes) -> None:
    """Write a file of our own in one step, whether or not there is one.

    Raises:
        OSError: it cannot be written. It is then as it was.
    """
    exists = os.path.exists(path)
    if exists and not os.access(path, os.W_OK):
        raise PermissionError("it is read-only")
    _replace(path, data, stat.S_IMODE(os.stat(path).st_mode) if exists else 0o644)


def _replace(path: str, data: bytes, mode: int) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".sqla-lint-", dir=os.path.dirname(path))
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def unified_diff(before: Source, after: Source, shown_path: str) -> bytes:
    """The change as ``git apply`` and ``patch -p1`` read it, byte for byte.

    Args:
        before: the old version.
        after: the new version.
        shown_path: the path to print, with ``/``.
    """
    lines = difflib.diff_bytes(
        difflib.unified_diff,
        _lines(before.data),
        _lines(after.data),
        _header("a/" + shown_path),
        _header("b/" + shown_path),
    )
    return b"".join(line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines)


def _lines(data: bytes) -> list[bytes]:
    r"""The lines that diff tools see: they end at ``\n`` only."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def _header(path: str) -> bytes:
    encoded = os.fsencode(path)
    if _QUOTED.search(path):
        escaped = _QUOTED.sub(lambda found: "\\" + (found.group() if found.group() in '"\\' else _octal(found)), path)
        return b'"' + os.fsencode(escaped) + b'"'
    # A name with spaces is ended by a tab, else patch takes what follows the space for a date.
    return encoded + b"\t" if b" " in encoded else encoded


def _octal(found: re.Match[str]) -> str:
    return f"{ord(found.group()):03o}"


def edits(before: Source, after: Source) -> tuple[Edit, ...]:
    """The change as replacements of stretches of *before*, each as narrow as its lines allow."""
    return tuple(_edits(before, after))


def _edits(before: Source, after: Source) -> Iterator[Edit]:
    matcher = difflib.SequenceMatcher(None, before.lines, after.lines, autojunk=False)
    for tag, start, stop, new_start, new_stop in matcher.get_opcodes():
        if tag != "equal":
            old, new = "".join(before.lines[start:stop]), "".join(after.lines[new_start:new_stop])
            head = _common_start(old, new)
            tail = _common_start(old[head:][::-1], new[head:][::-1])
            offset = sum(map(len, before.lines[:start]))
            span = Span(*_place(before, offset + head), *_place(before, offset + len(old) - tail))
            yield Edit(before.path, span, new[head : len(new) - tail])


def _common_start(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _place(source: Source, offset: int) -> tuple[int, int]:
    """The line and column, from 1, of a character offset."""
    for number, line in enumerate(source.lines, 1):
        if offset < len(line) or (number == len(source.lines) and not line.endswith(("\r", "\n"))):
            return number, offset + 1
        offset -= len(line)
    return len(source.lines) + 1, 1
