"""Codemods: they consume findings and edit trees; they never detect. One file each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqla_lint.config import Settings
from sqla_lint.finding import Finding
from sqla_lint.source import Source


class Repair(NamedTuple):
    """The files as they would be, the findings that this repairs, and those that it leaves, each with the reason."""

    changed: Mapping[str, bytes]
    fixed: tuple[Finding, ...]
    left: tuple[tuple[Finding, str], ...]


def repair(findings: Sequence[Finding], files: Mapping[str, Source], settings: Settings, *, unsafe: bool) -> Repair:
    """Repair what can be repaired of *findings*; nothing is written.

    Args:
        findings: what to repair, in the order of the report.
        files: every file of the project, by absolute path.
        settings: which pattern the session fixes rewrite to, among others.
        unsafe: whether fixes that move a transaction's boundary or an error's behaviour are wanted too.
    """
    return Repair({}, (), tuple((finding, "no codemod repairs this yet") for finding in findings if finding.fix))
