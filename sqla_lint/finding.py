"""What the linter says: findings, the places they name and the fixes they carry.

All values are frozen and hold no tree: a finding may be cached, sent to another process or compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]
Applicability = Literal["safe", "unsafe"]
Pattern = Literal["context-manager", "base-mixin", "rollback", "savepoint", "eager-load", "count", "first", "await"]


class Span(NamedTuple):
    """A stretch of text: lines and columns count from 1, columns are characters, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Related(NamedTuple):
    """Another place that explains a finding. *path* is absolute, as in :class:`Finding`."""

    path: str
    span: Span
    message: str


class Edit(NamedTuple):
    """Replace what *span* of *path* covers by *content*.

    *shared* if others may insert something else at the same place as well: an import.
    """

    path: str
    span: Span
    content: str
    shared: bool = False


class Fix(NamedTuple):
    """A repair. *edits* is None until the edits are asked for: planning a fix is cheap, writing it is not."""

    applicability: Applicability
    pattern: Pattern
    summary: str
    edits: tuple[Edit, ...] | None = None


class Finding(NamedTuple):
    """One misuse at one place. *path* is absolute; reporters make it relative."""

    path: str
    span: Span
    code: str
    name: str
    severity: Severity
    message: str
    function: str | None = None
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    fix_refused: str | None = None

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """The sort key of every report: path, line, column, code (then message, so that ties are stable)."""
        return (self.path, self.span.line, self.span.column, self.code, self.message)


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for what is said of one place twice (two views render one template), related to what all are."""
    found: dict[tuple[str, int, int, str, str], Finding] = {}
    for finding in findings:
        known = found.setdefault(finding.order, finding)
        if known is not finding:
            related = tuple(dict.fromkeys((*known.related, *finding.related)))
            found[finding.order] = known._replace(related=related)
    return tuple(found.values())
