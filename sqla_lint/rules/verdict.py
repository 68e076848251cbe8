"""What a rule says of one place, before it becomes a finding."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.lower.nodes import Pos


class Note(NamedTuple):
    """Another place that explains a verdict; *path* None for the verdict's own file."""

    pos: Pos
    message: str
    path: str | None = None


class Verdict(NamedTuple):
    """Misuse at *pos*. *head* if the finding covers only the head of the statement there.

    *subject* is what the verdict is about (a session, a read): where another rule supersedes this one, it does so for
    the same subject.
    *path* and *function* are set where the place is not in the function that was looked at. *unloaded* are rows and
    what of them their query should have loaded.
    """

    pos: Pos
    message: str
    related: tuple[Note, ...] = ()
    head: bool = False
    subject: object = None
    path: str | None = None
    function: str | None = None
    unloaded: tuple[tuple[Entity, str], ...] = ()
