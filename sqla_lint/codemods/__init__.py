"""Codemods: they consume findings and edit files; they never detect. One file each, found by walking this package.

A codemod's file has ``CODES`` (the rules whose findings it repairs), ``PATTERN`` (what it rewrites to), and

``plan(verdict, facts, module, world)``
    gives a :class:`sqla_lint.finding.Fix` without edits, and a plan; raises :class:`sqla_lint.codemods.site.Refused`
    with the reason where it cannot be right. It is cheap: every check of a file plans.
``edits(plan)``
    gives the edits of a plan, and raises the same.

A codemod with a true ``ANYWHERE`` is asked for findings outside of functions too; *facts* are None there. A module of
this package without ``CODES`` is not a codemod.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import NamedTuple

from sqla_lint.codemods.apply import Taken, applied
from sqla_lint.codemods.imports import merged
from sqla_lint.codemods.site import Refused
from sqla_lint.config import PATTERNS, Settings
from sqla_lint.finding import Edit, Finding, Fix
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import ModuleIndex
from sqla_lint.rules.verdict import Verdict
from sqla_lint.source import Source


class Repair(NamedTuple):
    """The files as they would be, the findings that this repairs, and those that it leaves, each with the reason."""

    changed: Mapping[str, bytes]
    fixed: tuple[Finding, ...]
    left: tuple[tuple[Finding, str], ...]


class Planned(NamedTuple):
    """The fix of one finding, or why there is none; neither where no codemod is for it."""

    fix: Fix | None = None
    refused: str | None = None


@cache
def all_codemods() -> tuple[ModuleType, ...]:
    """Every codemod, by name."""
    modules = [importlib.import_module(f"{__name__}.{entry.name}") for entry in pkgutil.iter_modules(__path__)]
    return tuple(module for module in modules if hasattr(module, "CODES"))


def planned(
    code: str, verdict: Verdict, facts: Facts | None, module: ModuleIndex, world: World, *, edits: bool = False
) -> Planned:
    """Plan the fix of one verdict.

    Args:
        code: the rule's.
        verdict: what the rule said.
        facts: of the function that it is in; None where it is in none.
        module: the file that it is in.
        world: the project.
        edits: whether what the fix replaces is wanted as well.
    """
    wanted = [m for m in all_codemods() if code in m.CODES and m.PATTERN in _applied(world.settings)]
    if not wanted:
        return Planned()
    reasons: list[str] = []
    for codemod in wanted:
        if facts is None and not getattr(codemod, "ANYWHERE", False):
            reasons.append("it is not in a function")
            continue
        try:
            fix, plan = codemod.plan(verdict, facts, module, world)
            return Planned(fix._replace(edits=merged(codemod.edits(plan))) if edits else fix)
        except Refused as refused:
            reasons.append(str(refused))
    return Planned(refused=reasons[0])


def _applied(settings: Settings) -> set[str]:
    """Of the patterns that a session may be rewritten to, the one that is wanted; all others besides."""
    return {codemod.PATTERN for codemod in all_codemods()} - set(PATTERNS) | {settings.pattern}


def repair(findings: Sequence[Finding], files: Mapping[str, Source], settings: Settings, *, unsafe: bool) -> Repair:
    """Repair what can be repaired of *findings*; nothing is written. Of two fixes for the same lines the first wins.

    Args:
        findings: what to repair, in the order of the report, with their fixes' edits.
        files: every file of the project, by absolute path.
        settings: which pattern the session fixes rewrite to, among others.
        unsafe: whether fixes that move a transaction's boundary or an error's behaviour are wanted too.
    """
    taken = Taken()
    edits: dict[Edit, None] = {}
    fixed: list[Finding] = []
    left: list[tuple[Finding, str]] = []
    for finding in findings:
        if finding.fix is None or finding.fix.edits is None:
            continue
        new = [edit for edit in finding.fix.edits if edit not in edits]
        reason = _reason_to_leave(finding.fix, new, taken, files, unsafe)
        if reason is not None:
            left.append((finding, reason))
            continue
        taken.add(new)
        edits.update(dict.fromkeys(new))
        fixed.append(finding)
    return Repair(_changed(edits, files), tuple(fixed), tuple(left))


def _reason_to_leave(
    fix: Fix, edits: Sequence[Edit], taken: Taken, files: Mapping[str, Source], unsafe: bool
) -> str | None:
    if fix.applicability == "unsafe" and not unsafe:
        return "its fix is unsafe, and is applied with --unsafe-fixes only"
    if taken.touches(edits):
        return "another fix touches the same lines; run again"
    for path in {edit.path for edit in edits}:
        if path not in files or files[path].text.encode(files[path].encoding, "replace") != files[path].data:
            return "its file cannot be written back as it was read"
    return None


def _changed(edits: Iterable[Edit], files: Mapping[str, Source]) -> dict[str, bytes]:
    by_path: dict[str, list[Edit]] = {}
    for edit in merged(edits):
        by_path.setdefault(edit.path, []).append(edit)
    return {
        path: applied(files[path].text, files[path].lines, own).encode(files[path].encoding)
        for path, own in by_path.items()
    }
