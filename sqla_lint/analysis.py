"""What the linter knows of one project: from its files to its findings.

The engine hands over every file of a project and the ones to judge; what comes back is frozen and holds no tree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from sqla_lint import codemods, parallel
from sqla_lint.config import Settings
from sqla_lint.finding import Finding, Related, Span
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver.summaries import Summaries
from sqla_lint.index.building import build
from sqla_lint.index.connected import parts
from sqla_lint.index.module import ModuleIndex
from sqla_lint.index.project import Project
from sqla_lint.jinja_files import Templates
from sqla_lint.judge import Judged, body_of, judge_file
from sqla_lint.lower import nodes as n
from sqla_lint.lower.confirm import Unconfirmed, confirm_function, confirm_statement, lower_text
from sqla_lint.lower.from_ast import lower_module
from sqla_lint.lower.heads import head_end
from sqla_lint.outcome import Analysis as Analysis
from sqla_lint.outcome import InternalError as InternalError
from sqla_lint.outcome import decoded
from sqla_lint.rules.verdict import Note, Verdict
from sqla_lint.source import Source, Unreadable, parse

# By (file, position of the function or statement): why it is not certain what it says, or None.
Doubts = dict[tuple[str, n.Pos], str | None]


def analyse(
    root: Path,
    files: Mapping[str, Source],
    targets: Collection[str],
    settings: Settings,
    *,
    codes: Collection[str] | None = None,
    edits: bool = False,
    templates: Mapping[str, Source] = MappingProxyType({}),
) -> Analysis:
    """Judge *targets*, resolving names through all of *files*.

    Args:
        root: the project's folder; imports are resolved below it.
        files: every file of the project that could be read, by absolute path.
        targets: the absolute paths whose findings are wanted; each is a key of *files*.
        settings: what the configuration says.
        codes: the rules whose findings are wanted; None for all.
        edits: whether fixes are to say what they replace.
        templates: the files that its views may render, by absolute path.

    Returns:
        The findings, and the targets that could not be parsed.
    """
    modules, unreadable = _index(files)
    wanted = frozenset(targets)
    paths = sorted(wanted & modules.keys())
    rendered = Templates(str(root), templates)
    known: dict[str, Summaries] = {}
    for part in parts(Project(str(root), modules)):
        known |= dict.fromkeys(part.modules, Summaries(World(part, settings, rendered)))

    def judge(paths: Sequence[str]) -> list[Analysis]:
        return [_judged(path, wanted, known[path], codes, edits) for path in paths]

    shares = parallel.shares(settings.jobs, paths)
    # One share is judged here and now: nothing is forked, nothing sent.
    outcomes = [judge(shares[0])] if len(shares) == 1 else _from_processes(shares, judge)
    by_path = dict(chain.from_iterable(zip(share, done) for share, done in zip(shares, outcomes)))
    each = [by_path[path] for path in paths]
    return Analysis(
        findings=tuple(dict.fromkeys(finding for one in each for finding in one.findings)),
        unreadable=tuple(u for u in unreadable if u.path in wanted),
        errors=tuple(error for one in each for error in one.errors),
        notes=tuple(dict.fromkeys(note for one in each for note in one.notes)),
    )


def _from_processes(
    shares: Sequence[Sequence[str]], judge: Callable[[Sequence[str]], list[Analysis]]
) -> list[list[Analysis]]:
    return [[decoded(one) for one in outcome] for outcome in parallel.done(shares, judge)]


# --- reading ---------------------------------------------------------------------------------------------------------


def _index(files: Mapping[str, Source]) -> tuple[dict[str, ModuleIndex], list[Unreadable]]:
    modules: dict[str, ModuleIndex] = {}
    unreadable: list[Unreadable] = []
    for path in sorted(files):
        lowered = _lower(files[path])
        if isinstance(lowered, Unreadable):
            unreadable.append(lowered)
        else:
            modules[path] = build(path, lowered, tuple(files[path].lines))
    return modules, unreadable


def _lower(source: Source) -> n.Module | Unreadable:
    """The neutral form of one file: by ``ast``, or by libcst alone where the syntax is newer than the interpreter."""
    tree = parse(source)
    if isinstance(tree, Unreadable):
        lowered = lower_text(source.text)
        return tree if isinstance(lowered, Unconfirmed) else lowered
    ascii_only = source.text.isascii()
    return lower_module(tree, None if ascii_only else [line.encode("utf-8", "replace") for line in source.lines])


# --- findings --------------------------------------------------------------------------------------------------------


def _judged(
    path: str, targets: Collection[str], summaries: Summaries, codes: Collection[str] | None, edits: bool
) -> Analysis:
    """What is found in judging one file, in it or elsewhere, whatever was judged before."""
    module = summaries.world.project.modules[path]
    findings: dict[Finding, None] = {}
    errors: list[InternalError] = []
    notes: list[str] = []
    doubts: Doubts = {}
    try:
        for judged in judge_file(module, summaries, codes):
            if judged.path in targets:
                _confirmed(judged, summaries, findings, notes, doubts, edits)
    except RecursionError as error:
        errors.append(InternalError(path, f"{type(error).__name__}: {error}"))
    notes += _bounds(module, summaries)
    return Analysis(tuple(findings), (), tuple(errors), tuple(dict.fromkeys(notes)))


def _confirmed(
    judged: Judged, summaries: Summaries, findings: dict[Finding, None], notes: list[str], doubts: Doubts, edits: bool
) -> None:
    """Add a verdict as a finding if libcst reads the code in question as ``ast`` did."""
    module = summaries.world.project.modules[judged.path]
    original = _around(judged, module)
    key = (judged.path, original.pos) if original is not None else (judged.path, judged.verdict.pos)
    if key not in doubts:
        doubts[key] = _doubt(original, module)
    reason = doubts[key]
    if reason is not None:
        notes.append(f"{judged.path}:{judged.verdict.pos[0]}: {judged.rule.code} is not reported: {reason}")
        return
    findings[_finding(judged, module, summaries, edits)] = None


def _around(judged: Judged, module: ModuleIndex) -> n.Stmt | None:
    """The function or module-level statement that a verdict stands in."""
    if judged.function is not None:
        return judged.function.node
    return _statement_at(module.node.body, judged.verdict.pos[0])


def _doubt(original: n.Stmt | None, module: ModuleIndex) -> str | None:
    """Why what was read is not certain, or None: the code is read once more, by libcst."""
    bounds = module.node.bounds
    if original is None:
        return None
    if isinstance(original, n.FunctionDef):
        again: object = confirm_function(module.source, original, bounds)
    else:
        again = confirm_statement(module.source, original, bounds)
    if isinstance(again, Unconfirmed):
        return again.reason
    return None if again == original else "the two parsers read the code differently"


def _statement_at(body: Iterable[n.Stmt], line: int) -> n.Stmt | None:
    return next((stmt for stmt in body if stmt.pos[0] <= line <= stmt.pos[2]), None)


def _finding(judged: Judged, module: ModuleIndex, summaries: Summaries, edits: bool) -> Finding:
    verdict, rule = judged.verdict, judged.rule
    facts = summaries.facts(judged.function) if judged.function is not None else None
    planned = codemods.planned(rule.code, verdict, facts, module, summaries.world, edits=edits)
    return Finding(
        path=verdict.path or judged.path,
        span=_span(module, verdict.pos, verdict.head),
        code=rule.code,
        name=rule.name,
        severity=rule.severity,
        message=verdict.message,
        function=_function_name(judged, verdict, module),
        related=tuple(_related(note, judged.path) for note in verdict.related),
        fix=planned.fix,
        fix_refused=planned.refused,
    )


def _function_name(judged: Judged, verdict: Verdict, module: ModuleIndex) -> str | None:
    if verdict.function is not None:
        return verdict.function
    return judged.function.qualname if judged.function is not None else None


def _span(module: ModuleIndex, pos: n.Pos, head: bool) -> Span:
    end = head_end(module.source, pos) if head else pos[2:]
    return Span(pos[0], pos[1] + 1, end[0], end[1] + 1)


def _related(note: Note, path: str) -> Related:
    pos = note.pos
    return Related(note.path or path, Span(pos[0], pos[1] + 1, pos[2], pos[3] + 1), note.message)


def _bounds(module: ModuleIndex, summaries: Summaries) -> Iterator[str]:
    """Functions that were given up, as notes."""
    for function in (*module.functions, body_of(module)):
        facts = summaries.solved.get(function)
        if facts is not None and facts.bounded is not None:
            yield f"{function.path}:{function.node.pos[0]}: {function.qualname} is not analysed: {facts.bounded}"
