"""What the analysis of one project gives: frozen values without a tree, to be kept, compared and sent."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.finding import Finding
from sqla_lint.source import Unreadable


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
