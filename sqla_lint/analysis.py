"""What the linter knows of one project: from its files to its findings.

The engine hands over every file of a project and the ones to judge; what comes back is frozen and holds no tree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from sqla_lint.config import Settings
from sqla_lint.finding import Finding
from sqla_lint.source import Source, Unreadable, parse


class InternalError(NamedTuple):
    """Something went wrong in the linter itself while it worked on *path*; the other files were still checked."""

    path: str
    message: str


class Analysis(NamedTuple):
    """What was found in one project, before selection and suppression."""

    findings: tuple[Finding, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    errors: tuple[InternalError, ...] = ()
    notes: tuple[str, ...] = ()


def analyse(root: Path, files: Mapping[str, Source], targets: Collection[str], settings: Settings) -> Analysis:
    """Judge *targets*, resolving names through all of *files*.

    Args:
        root: the project's folder; imports are resolved below it.
        files: every file of the project that could be read, by absolute path.
        targets: the absolute paths whose findings are wanted; each is a key of *files*.
        settings: what the configuration says.

    Returns:
        Findings of every rule, whether selected or not, and the targets that could not be parsed.
    """
    parsed = (parse(files[path]) for path in sorted(targets))
    return Analysis(unreadable=tuple(result for result in parsed if isinstance(result, Unreadable)))
