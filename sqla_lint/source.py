"""Bytes and text of one file: encodings, line ends, and what is said where a file cannot be read or parsed.

This is the one place that knows how Python splits lines and finds a file's encoding. Nothing here runs user code.
"""

from __future__ import annotations

import ast
import codecs
import os
import re
import stat
import sys
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

MAX_BYTES = 10_000_000

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$", re.DOTALL)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_HEAD = re.compile(rb"([^\r\n]*)(?:\r\n|\r|\n)?([^\r\n]*)")

# What an older interpreter stumbles over, by what the failing line looks like.
_NEWER_SYNTAX: tuple[tuple[tuple[int, int], re.Pattern[str], str], ...] = (
    ((3, 11), re.compile(r"\bexcept\s*\*"), "`except*`"),
    ((3, 12), re.compile(r"^\s*type\s+\w+\s*(\[.*\])?\s*="), "a `type` statement"),
    ((3, 12), re.compile(r"^\s*(async\s+)?(def|class)\s+\w+\s*\["), "a list of type parameters"),
    ((3, 12), re.compile(r"\b(f|rf|fr)[\"']", re.IGNORECASE), "an f-string that reuses its quotes"),
    ((3, 14), re.compile(r"\b(t|rt|tr)[\"']", re.IGNORECASE), "a template string"),
    ((3, 14), re.compile(r"^\s*except\s+[^(:]+,[^:]+:"), "`except` without parentheses"),
)


class Unreadable(NamedTuple):
    """A file that cannot be read or parsed, the place (from 1, columns in characters) and the reason."""

    path: str
    line: int
    column: int
    reason: str


@dataclass(frozen=True)
class Source:
    """One file. *text* is decoded without its byte order mark and without newline translation."""

    path: str
    data: bytes
    text: str
    encoding: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        r"""The lines with their ends, split where Python's tokenizer splits: ``\n``, ``\r\n`` and ``\r`` only."""
        return tuple(_LINE.findall(self.text))

    def line(self, number: int) -> str:
        """Line *number*, counted from 1, without its end; empty outside the file."""
        return self.lines[number - 1].rstrip("\r\n") if 1 <= number <= len(self.lines) else ""


def read(path: str) -> Source | Unreadable:
    """Read and decode the file at *path*."""
    try:
        data = _bytes_of(path)
    except OSError as error:
        return Unreadable(path, 1, 1, f"cannot be read: {error.strerror or error}")
    except ValueError as error:
        return Unreadable(path, 1, 1, f"cannot be read: {error}")
    return decode(path, data)


def decode(path: str, data: bytes) -> Source | Unreadable:
    """What *data* says as the content of *path*, by its byte order mark, its encoding cookie, or UTF-8."""
    if len(data) > MAX_BYTES:
        return Unreadable(path, 1, 1, f"has {len(data):,} bytes; files over {MAX_BYTES:,} bytes are not read")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Unreadable(path, 1, 1, "is UTF-16; Python reads UTF-8 (or what an encoding cookie names)")
    nul = data.find(b"\0")
    if nul >= 0:
        line, column = _position(data, nul)
        return Unreadable(path, line, column, "holds a NUL byte; this is not Python source")
    cookie = _cookie(data)
    marked = data.startswith(codecs.BOM_UTF8)
    if marked and cookie not in (None, "utf-8"):
        return Unreadable(path, 1, 1, f"starts with a UTF-8 byte order mark, but its cookie says {cookie!r}")
    encoding = "utf-8-sig" if marked else cookie or "utf-8"
    try:
        return Source(path, data, data.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        line, column = _position(data, error.start)
        byte = data[error.start : error.start + 1].hex()
        return Unreadable(path, line, column, f"is not {encoding}: byte 0x{byte} ({error.reason})")
    except (LookupError, ValueError) as error:
        return Unreadable(path, 1, 1, f"names the encoding {encoding!r}, which cannot be used: {error}")


def from_text(path: str, text: str) -> Source | Unreadable:
    """A source of text that somebody else has decoded, encoded again as its own cookie says."""
    data = text.encode("utf-8", "surrogateescape")
    cookie = _cookie(data)
    if cookie not in (None, "utf-8"):
        try:
            data = text.encode(cookie)
        except (LookupError, ValueError):
            return Source(path, data, text, "utf-8")
    return decode(path, data)


def parse(source: Source) -> ast.Module | Unreadable:
    """The syntax tree of *source*, or where and why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source.text)
    except SyntaxError as error:
        return _syntax_error(source, error)
    except (RecursionError, MemoryError):
        return Unreadable(source.path, 1, 1, f"nests too deeply for the parser of Python {_version()}")
    except ValueError as error:
        return Unreadable(source.path, 1, 1, f"cannot be parsed by Python {_version()}: {error}")


def _syntax_error(source: Source, error: SyntaxError) -> Unreadable:
    line = min(max(error.lineno or 1, 1), max(len(source.lines), 1))
    column = min(max(error.offset or 1, 1), len(source.line(line)) + 1)
    reason = f"syntax error: {error.msg}"
    for version, pattern, what in _NEWER_SYNTAX:
        if sys.version_info < version and pattern.search(source.line(line)):
            newer = ".".join(map(str, version))
            reason += f" (this is Python {_version()}; {what} needs Python {newer} or later)"
            break
    return Unreadable(source.path, line, column, reason)


def _version() -> str:
    return ".".join(map(str, sys.version_info[:2]))


def _bytes_of(path: str) -> bytes:
    # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        if status.st_size > MAX_BYTES:
            raise ValueError(f"it has {status.st_size:,} bytes; files over {MAX_BYTES:,} bytes are not read")
        return file.read()


def _cookie(data: bytes) -> str | None:
    """The encoding that one of the first two lines names (PEP 263), normalised if it is UTF-8."""
    head = _HEAD.match(data.removeprefix(codecs.BOM_UTF8))
    assert head is not None
    first, second = head.groups()
    found = _COOKIE.match(first) or (_COOKIE.match(second) if _BLANK.match(first) else None)
    if found is None:
        return None
    name = found.group(1).decode("ascii", "replace")
    plain = name[:12].lower().replace("_", "-")
    return "utf-8" if plain == "utf-8" or plain.startswith("utf-8-") else name


def _position(data: bytes, offset: int) -> tuple[int, int]:
    before = data[:offset].removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    lines = re.split(r"\r\n|\r|\n", before)
    return len(lines), len(lines[-1]) + 1
