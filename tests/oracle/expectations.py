"""What a fixture says of itself, in comments: what is expected on which line, and what it needs to run."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path
from typing import NamedTuple

_CODES = r"(SES\d{3}(?:\s*,\s*SES\d{3})*)"
_EXPECT = re.compile(r"#\s*expect:\s*" + _CODES)
_LATER = re.compile(r"#\s*later:\s*" + _CODES)
_REQUIRES = re.compile(r"#\s*requires:\s*(.+)")
_COMMENT = re.compile(r"[ \t]*#\s*(?:expect|later):\s*" + _CODES)


class Expectations(NamedTuple):
    """(line, code) pairs expected now and from later rules, and the requirements of the header."""

    now: frozenset[tuple[int, str]]
    later: frozenset[tuple[int, str]]
    requires: tuple[str, ...]


def expectations(path: Path) -> Expectations:
    """Read the comments of *path*; of a file that does not tokenize, those before the error and by plain lines after."""
    now: set[tuple[int, str]] = set()
    later: set[tuple[int, str]] = set()
    requires: list[str] = []
    comments = _comments if path.suffix == ".py" else _by_lines
    for line, comment in comments(path.read_bytes()):
        now |= {(line, code) for code in _codes(_EXPECT, comment)}
        later |= {(line, code) for code in _codes(_LATER, comment)}
        if match := _REQUIRES.match(comment):
            requires += [part.strip() for part in match.group(1).split(",")]
    return Expectations(frozenset(now), frozenset(later), tuple(requires))


def without_expectations(text: str) -> str:
    """*text* without its ``expect`` and ``later`` comments: what a codemod is given, and what a golden file shows."""
    return _COMMENT.sub("", text)


def _codes(pattern: re.Pattern[str], comment: str) -> list[str]:
    match = pattern.search(comment)
    return re.findall(r"SES\d{3}", match.group(1)) if match else []


def _comments(data: bytes) -> list[tuple[int, str]]:
    try:
        return [
            (token.start[0], token.string)
            for token in tokenize.tokenize(io.BytesIO(data).readline)
            if token.type == tokenize.COMMENT
        ]
    except (tokenize.TokenError, SyntaxError):
        return _by_lines(data)


def _by_lines(data: bytes) -> list[tuple[int, str]]:
    lines = data.decode("utf-8", "replace").splitlines()
    return [(number, line[line.index("#") :]) for number, line in enumerate(lines, 1) if "#" in line]
