"""The formats: one file each, found by walking this package.

A format's file has ``render(report, view)``, which gives the whole report as text; the file's name is the format's
name. With a true ``EDITS`` the report's fixes say what they replace.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

from sqla_lint.discovery import repository_root
from sqla_lint.report import Report


class View(NamedTuple):
    """How a report is looked at: where from, in colours or not, how wide."""

    folder: Path
    color: bool = False
    width: int = 120

    def relative(self, path: str) -> str:
        """*path* relative to the current folder, with ``/``; as it is where there is no way from here to there."""
        return relative(path, self.folder)

    def in_repository(self, path: str) -> str:
        """*path* relative to its repository's root, with ``/``; to the current folder where there is no repository."""
        return relative(path, repository_root(Path(path).parent) or self.folder)


Render: TypeAlias = Callable[[Report, View], str]


def relative(path: str, folder: Path) -> str:
    """*path* as seen from *folder*, with ``/``."""
    try:
        return os.path.relpath(path, folder).replace(os.sep, "/")
    except ValueError:  # another drive
        return path.replace(os.sep, "/")


def formats() -> tuple[str, ...]:
    """The names of all formats, sorted."""
    return tuple(sorted(entry.name for entry in pkgutil.iter_modules(__path__)))


def renderer(name: str) -> Render:
    """The function that renders the format *name*.

    Raises:
        ModuleNotFoundError: there is no such format.
    """
    render: Render = importlib.import_module(f"{__name__}.{name}").render
    return render


def tells_edits(name: str) -> bool:
    """Whether the format *name* always says what a fix replaces."""
    return getattr(importlib.import_module(f"{__name__}.{name}"), "EDITS", False)


def one_line(text: str) -> str:
    """*text* without line breaks and without control characters, which could act on a terminal."""
    if text.isprintable():
        return text
    return "".join(" " if each in "\r\n\t\x0b\x0c\x85\u2028\u2029" else visible(each) for each in text)


def visible(character: str) -> str:
    """A control character as its picture, anything else as it is."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F or 0x80 <= code < 0xA0 or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069:
        return "\N{REPLACEMENT CHARACTER}"
    return character
