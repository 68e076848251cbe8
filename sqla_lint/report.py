"""What a run says, before any format: the values that reporters read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqla_lint.discovery import Problem
from sqla_lint.finding import Finding
from sqla_lint.outcome import InternalError
from sqla_lint.source import Source


@dataclass(frozen=True)
class Report:
    """The outcome of a check.

    Attributes:
        findings: what is left after selection, suppression and per-file ignores, sorted by path, line, column, code.
        files: the files that were checked, sorted.
        errors: what went wrong in the linter itself, and on which file.
        problems: paths that were asked for and could not be checked.
        notes: what a reader of the details wants to know, such as bounds that were hit.
        known: how many findings more there are that the baseline holds.
        sources: the files that findings and their related places lie in, for showing their lines.
    """

    findings: tuple[Finding, ...] = ()
    files: tuple[str, ...] = ()
    errors: tuple[InternalError, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    known: int = 0
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)

    @property
    def fixable(self) -> int:
        """How many findings carry a fix, safe or not."""
        return sum(finding.fix is not None for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings, 2 where something could not be checked."""
        return 2 if self.errors or self.problems else int(bool(self.findings))


@dataclass(frozen=True)
class FixReport:
    """The outcome of a repair.

    Attributes:
        report: the check of the repaired project.
        fixed: the findings that were repaired.
        left: the findings that were not, each with the reason.
        before: the changed files as they were.
        after: the changed files as they are, or would be.
    """

    report: Report
    fixed: tuple[Finding, ...] = ()
    left: tuple[tuple[Finding, str], ...] = ()
    before: Mapping[str, Source] = field(default_factory=dict, repr=False)
    after: Mapping[str, Source] = field(default_factory=dict, repr=False)
