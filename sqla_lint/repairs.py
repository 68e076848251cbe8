"""From findings to repaired files: what may be written, what is, and what is left."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqla_lint import changes, codemods
from sqla_lint.codemods import Repair
from sqla_lint.config import Settings
from sqla_lint.discovery import Problem
from sqla_lint.failures import guarded
from sqla_lint.finding import Finding
from sqla_lint.outcome import InternalError
from sqla_lint.projects import Project
from sqla_lint.source import Source, Unreadable


class Repaired(NamedTuple):
    """One project after its repair: each changed file before and after, and what went wrong."""

    project: Project
    repair: Repair
    changed: tuple[tuple[Source, Source], ...] = ()
    errors: tuple[InternalError, ...] = ()
    problems: tuple[Problem, ...] = ()


def repaired(
    project: Project, findings: Sequence[Finding], settings: Settings, untouched: Collection[str], *, write: bool
) -> Repaired:
    """Repair *findings* of a project, and write the result.

    Args:
        project: the project as it was read.
        findings: what is left to repair after selection and suppression.
        settings: ``unsafe_fixes`` and ``pattern``.
        untouched: targets that are changed in memory only, such as standard input.
        write: False changes everything in memory only.
    """
    nothing = Repair({}, (), ())
    repair, errors = guarded(project.root, lambda: _permitted(project, findings, settings, untouched), nothing)
    versions = [(project.files[path], changes.checked(path, data)) for path, data in sorted(repair.changed.items())]
    broken = [after for _, after in versions if isinstance(after, Unreadable)]
    if broken:
        # Part of a repair is no repair: nothing of this project is written.
        return Repaired(project, nothing, errors=(*errors, *map(_no_python, broken)))
    changed = tuple((before, after) for before, after in versions if isinstance(after, Source))
    problems = changes.write_all([pair for pair in changed if pair[0].path not in untouched]) if write else ()
    unwritten = {problem.path for problem in problems}
    done = tuple(pair for pair in changed if pair[0].path not in unwritten)
    files = {**project.files, **{after.path: after for _, after in done}}
    fixed = tuple(finding for finding in repair.fixed if finding.path not in unwritten)
    return Repaired(project._replace(files=files), repair._replace(fixed=fixed), done, errors, problems)


def _no_python(after: Unreadable) -> InternalError:
    message = f"a fix was dropped: its result would be no Python (line {after.line}: {after.reason})"
    return InternalError(after.path, message)


def _permitted(project: Project, findings: Sequence[Finding], settings: Settings, untouched: Collection[str]) -> Repair:
    """The repair without those fixes that would have to write a file which was not named or cannot be written."""

    def barred(changed: Iterable[str]) -> list[str]:
        named = {path for path in project.targets if path in untouched or os.access(path, os.W_OK)}
        return sorted(set(changed) - named)

    def repair(which: Sequence[Finding]) -> Repair:
        return codemods.repair(which, project.files, settings, unsafe=settings.unsafe_fixes)

    whole = repair(findings)
    if not barred(whole.changed):
        return whole
    alone = [(finding, barred(repair([finding]).changed)) for finding in findings]
    allowed = repair([finding for finding, others in alone if not others])
    refused = [
        (finding, f"must write {_shown(project, others)}, which was not named or is read-only")
        for finding, others in alone
        if others
    ]
    return allowed._replace(left=(*allowed.left, *refused))


def _shown(project: Project, paths: Iterable[str]) -> str:
    return ", ".join(os.path.relpath(path, project.root) for path in paths)


def with_edits(project: Project, findings: Sequence[Finding], settings: Settings) -> tuple[Finding, ...]:
    """The findings with what their fixes would replace, each as if it were the only one."""
    return tuple(_with_edits(project, finding, settings) for finding in findings)


def _with_edits(project: Project, finding: Finding, settings: Settings) -> Finding:
    if finding.fix is None or finding.fix.edits is not None:
        return finding
    changed = codemods.repair([finding], project.files, settings, unsafe=True).changed
    versions = [(project.files[path], changes.checked(path, data)) for path, data in sorted(changed.items())]
    edits = [edit for before, after in versions if isinstance(after, Source) for edit in changes.edits(before, after)]
    return finding._replace(fix=finding.fix._replace(edits=tuple(edits)))
