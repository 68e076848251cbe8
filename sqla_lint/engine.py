"""The pipeline: paths to projects, projects to findings, findings to a report or to repaired files."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

from sqla_lint import baseline, cache, changes, config, discovery, jinja_files, noqa_comments
from sqla_lint.baseline import Baseline
from sqla_lint.config import Settings
from sqla_lint.discovery import Problem
from sqla_lint.failures import guarded
from sqla_lint.finding import Finding, Span, merged
from sqla_lint.noqa_comments import Annotated
from sqla_lint.outcome import Analysis, InternalError
from sqla_lint.projects import Project, by_root, gather, is_concerned
from sqla_lint.report import FixReport, Report
from sqla_lint.selection import SYNTAX_ERROR, covers, find_rule, selected_codes
from sqla_lint.source import Source, Unreadable, parse
from sqla_lint.suppressions import suppress

AnyPath: TypeAlias = "str | os.PathLike[str]"


class _Judged(NamedTuple):
    """What is left to say of one project after selection, suppression and baseline; *known* is what that held."""

    findings: tuple[Finding, ...]
    errors: tuple[InternalError, ...]
    notes: tuple[str, ...]
    known: int


def check(
    paths: Sequence[AnyPath] = (), settings: Settings | None = None, *, stdin: Source | Unreadable | None = None
) -> Report:
    """Check files and folders.

    Args:
        paths: what to check; the current folder if there is neither a path nor *stdin*.
        settings: without them, the configuration nearest to *paths* is read.
        stdin: a source that is checked too, in place of what its path holds on disk.

    Raises:
        ConfigError: *settings* were not given and the configuration is wrong; or the baseline cannot be used.
    """
    settings, projects, problems = _gather(paths, settings, stdin)
    known = _baseline(settings)
    return _report(projects, [_judge(project, settings, known) for project in projects], problems)


def fix(
    paths: Sequence[AnyPath] = (),
    settings: Settings | None = None,
    *,
    stdin: Source | Unreadable | None = None,
    write: bool = True,
) -> FixReport:
    """Repair what can be repaired, and check the outcome.

    A file is written whole or not at all, and only if its new text parses. *stdin* is never written; its new text is in
    the report.

    Args:
        paths: as for :func:`check`; only what they name is written.
        settings: as for :func:`check`; ``unsafe_fixes`` says whether unsafe fixes are applied.
        stdin: as for :func:`check`.
        write: False leaves every file as it is and only says what would be.

    Raises:
        ConfigError: as for :func:`check`.
    """
    from sqla_lint.repairs import repaired  # codemods import libcst, which a check may do without

    settings, projects, problems = _gather(paths, settings, stdin)
    settings = replace(settings, edits=False)
    known = _baseline(settings)
    uncached = _uncached(settings)  # nothing is written into files but what this run worked out
    untouched = {stdin.path} if stdin else set()
    outcome = [
        repaired(project, _judge(project, uncached, known, edits=True).findings, settings, untouched, write=write)
        for project in projects
    ]
    judged = [_judge(one.project, uncached if one.changed else settings, known) for one in outcome]
    report = _report([one.project for one in outcome], judged, problems)
    return FixReport(
        report=replace(
            report,
            errors=(*(error for one in outcome for error in one.errors), *report.errors),
            problems=(*problems, *(problem for one in outcome for problem in one.problems)),
        ),
        fixed=tuple(sorted((finding for one in outcome for finding in one.repair.fixed), key=lambda each: each.order)),
        left=tuple(sorted((pair for one in outcome for pair in one.repair.left), key=lambda pair: pair[0].order)),
        before={before.path: before for one in outcome for before, _ in one.changed},
        after={after.path: after for one in outcome for _, after in one.changed},
    )


def add_noqa(paths: Sequence[AnyPath] = (), settings: Settings | None = None) -> FixReport:
    """Write a ``# noqa`` comment for every finding, and check the outcome.

    A file is written whole or not at all, and only if its program stays the same and the comments do suppress.

    Args:
        paths: as for :func:`check`.
        settings: as for :func:`check`.

    Returns:
        What was suppressed (as *fixed*), what could not be and why (as *left*), and the report of what is left.

    Raises:
        ConfigError: as for :func:`check`.
    """
    settings, projects, problems = _gather(paths, settings, None)
    known = _baseline(settings)
    outcome = [_suppressed(project, settings, known) for project in projects]
    judged = [_judge(one.project, _uncached(settings), known) if one.problems else one.judged for one in outcome]
    report = _report(
        [one.project for one in outcome], judged, (*problems, *(p for one in outcome for p in one.problems))
    )
    changed = [pair for one in outcome for pair in one.changed]
    return FixReport(
        report=report,
        fixed=tuple(sorted((finding for one in outcome for finding in one.done), key=lambda each: each.order)),
        left=tuple(sorted((pair for one in outcome for pair in one.left), key=lambda pair: pair[0].order)),
        before={before.path: before for before, _ in changed},
        after={after.path: after for _, after in changed},
    )


class _Suppressed(NamedTuple):
    """One project with comments added: as it is now, what it was judged before anything was written."""

    project: Project
    judged: _Judged
    done: tuple[Finding, ...]
    left: tuple[tuple[Finding, str], ...]
    changed: tuple[tuple[Source, Source], ...]
    problems: tuple[Problem, ...]


def _suppressed(project: Project, settings: Settings, known: Baseline | None) -> _Suppressed:
    wanted = _judge(project, settings, known).findings
    barred: frozenset[str] = frozenset()
    while True:
        noted = noqa_comments.annotate(project.files, wanted, barred)
        after = project._replace(files={**project.files, **noted.changed})
        judged = _judge(after, _uncached(settings), known)
        left = {_place(finding) for finding, _ in noted.left}
        surplus = [finding for finding in judged.findings if _place(finding) not in left]
        if not surplus:
            return _written(project, noted, judged)
        # A changed line can uncover what was hidden by its old text: that gets a comment too.
        tried = {_place(finding) for finding in wanted}
        barred |= {finding.path for finding in surplus if _place(finding) in tried}
        wanted = (*wanted, *(finding for finding in surplus if _place(finding) not in tried))


def _place(finding: Finding) -> tuple[str, int, str]:
    return finding.path, finding.span.line, finding.code


def _written(project: Project, noted: Annotated, judged: _Judged) -> _Suppressed:
    pairs = [(project.files[path], after) for path, after in noted.changed.items()]
    problems = changes.write_all(pairs)
    unwritten = {problem.path for problem in problems}
    changed = tuple(pair for pair in pairs if pair[0].path not in unwritten)
    files = {**project.files, **{after.path: after for _, after in changed}}
    done = tuple(finding for finding in noted.done if finding.path not in unwritten)
    return _Suppressed(project._replace(files=files), judged, done, noted.left, changed, problems)


class _Asked(NamedTuple):
    """The files that a run is to check, what it was given, and what was asked for in vain."""

    settings: Settings
    files: tuple[str, ...]
    arguments: tuple[Path, ...]
    problems: tuple[Problem, ...]


def _asked(paths: Sequence[AnyPath], settings: Settings | None, stdin: Source | Unreadable | None) -> _Asked:
    named = [Path(path) for path in paths] or ([] if stdin else [Path.cwd()])
    arguments = named or ([Path(stdin.path)] if stdin else [])
    settings = settings or config.discover(discovery.common_folder(arguments))
    wanted = discovery.targets(named, settings)
    files = set(wanted.files)
    if stdin and not (settings.force_exclude and discovery.is_excluded(stdin.path, settings)):
        files.add(stdin.path)
    return _Asked(settings, tuple(sorted(files)), tuple(arguments), wanted.problems)


def _gather(
    paths: Sequence[AnyPath], settings: Settings | None, stdin: Source | Unreadable | None
) -> tuple[Settings, list[Project], tuple[Problem, ...]]:
    asked = _asked(paths, settings, stdin)
    return asked.settings, gather(asked.files, asked.arguments, asked.settings, stdin), asked.problems


def clear_cache(paths: Sequence[AnyPath], settings: Settings, *, stdin: Source | Unreadable | None = None) -> None:
    """Delete what earlier runs kept of the projects that :func:`check` would check with the same arguments.

    Raises:
        OSError: something cannot be deleted.
    """
    asked = _asked(paths, settings, stdin)
    cache.clear({cache.folder(root, settings) for root in by_root(asked.files, asked.arguments, settings)})


def dependencies(paths: Sequence[AnyPath], settings: Settings) -> frozenset[str]:
    """The paths of all files whose content decides what :func:`check` gives; some need not exist.

    Args:
        paths: as for :func:`check`.
        settings: as for :func:`check`.
    """
    asked = _asked(paths, settings, None)
    files = {*asked.files, *config.places(discovery.common_folder(asked.arguments))}
    for root in by_root(asked.files, asked.arguments, settings):
        files.update((*discovery.project_files(root), *discovery.templates(root, jinja_files.is_folder)))
    known = [settings.folder / settings.baseline] if settings.baseline else []
    return frozenset((*files, *map(str, known), *map(str, [settings.file] if settings.file else [])))


def _uncached(settings: Settings) -> Settings:
    """The same, for judging what may never be on disk: it would take the place of what is."""
    return replace(settings, cache=False)


def _baseline(settings: Settings) -> Baseline | None:
    return baseline.load(settings.folder / settings.baseline) if settings.baseline else None


def _judge(project: Project, settings: Settings, known: Baseline | None, *, edits: bool = False) -> _Judged:
    readable = [path for path in project.targets if path in project.files]
    edits = edits or settings.edits
    selected = selected_codes(settings.select, settings.extend_select, settings.ignore)
    analysis, errors = guarded(project.root, lambda: _analyse(project, readable, settings, selected, edits), Analysis())
    if errors:
        analysis = Analysis(unreadable=_unparsable(project, readable))
    unreadable = [each for each in (*project.unreadable, *analysis.unreadable) if each.path in project.targets]
    by_path: dict[str, list[Finding]] = {path: [] for path in (*project.targets, *project.templates)}
    told = dict.fromkeys((*analysis.findings, *map(_syntax_error, unreadable)))
    # A fix has to mend all that causes a finding; whoever reads of it reads one.
    for finding in told if edits else merged(told):
        if finding.path in by_path:
            by_path[finding.path].append(finding)
    kept = [finding for path, found in by_path.items() for finding in _kept(project, path, found, selected, settings)]
    all_found = tuple(sorted(kept, key=lambda each: each.order))
    findings = baseline.new(known, all_found, {**project.templates, **project.files}) if known else all_found
    errors = (*errors, *analysis.errors)
    if settings.edits:
        from sqla_lint.repairs import with_edits

        findings, more = guarded(project.root, lambda: with_edits(project, findings, settings), findings)
        errors = (*errors, *more)
    return _Judged(findings, errors, analysis.notes, len(all_found) - len(findings))


def _analyse(
    project: Project, targets: Sequence[str], settings: Settings, codes: Collection[str], edits: bool
) -> Analysis:
    if not is_concerned((source.data for source in project.files.values()), settings):
        return Analysis(unreadable=_unparsable(project, targets))

    def run() -> Analysis:
        from sqla_lint import analysis  # and with it libcst, which a run that finds all in the cache may do without

        return analysis.analyse(
            project.root, project.files, targets, settings, codes=codes, edits=edits, templates=project.templates
        )

    return cache.kept(project, targets, settings, codes, edits, run) if settings.cache else run()


def _unparsable(project: Project, targets: Iterable[str]) -> tuple[Unreadable, ...]:
    parsed = (parse(project.files[path]) for path in targets)
    return tuple(result for result in parsed if isinstance(result, Unreadable))


def _syntax_error(unreadable: Unreadable) -> Finding:
    path, line, column, reason = unreadable
    rule = find_rule(SYNTAX_ERROR)
    return Finding(path, Span(line, column, line, column + 1), rule.code, rule.name, rule.severity, reason)


def _kept(
    project: Project, path: str, found: Sequence[Finding], selected: Collection[str], settings: Settings
) -> list[Finding]:
    """The findings of one file that its comments, the selection and the per-file ignores leave."""
    ignored: list[str] = []
    for glob, codes in settings.per_file_ignores:
        if discovery.matches(path, (glob,), settings.folder):
            ignored.extend(codes)
    enabled = frozenset(code for code in selected if not covers(ignored, code))
    kept: Iterable[Finding] = found
    if path in project.files:
        suppressed = suppress(project.files[path], found, enabled, noqa=settings.noqa)
        kept = (*suppressed.kept, *suppressed.unused)
    return [finding for finding in kept if finding.code in enabled]


def _report(projects: Sequence[Project], judged: Sequence[_Judged], problems: tuple[Problem, ...]) -> Report:
    findings = sorted((finding for one in judged for finding in one.findings), key=lambda each: each.order)
    places = {finding.path for finding in findings}
    places.update(related.path for finding in findings for related in finding.related)
    return Report(
        findings=tuple(findings),
        files=tuple(sorted(path for project in projects for path in project.targets)),
        errors=tuple(sorted(error for one in judged for error in one.errors)),
        problems=problems,
        notes=tuple(note for one in judged for note in one.notes),
        known=sum(one.known for one in judged),
        sources={
            path: source
            for one in projects
            for path, source in (*one.templates.items(), *one.files.items())
            if path in places
        },
    )
