"""The linter's verdicts on generated programs, and where they part from what runs show."""

from __future__ import annotations

import ast
from typing import NamedTuple

from flow.decisions import Database
from flow.generate import Program
from flow.observe import Seen, observe
from sqla_lint.config import Settings
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver.summaries import Summaries
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.index.building import build
from sqla_lint.index.project import Project
from sqla_lint.judge import Judged, judge_file
from sqla_lint.lower.from_ast import lower_module
from sqla_lint.source import Source, decode, parse

# Where the linter may say more than the plain runs of a program show, and why.
POLICIES = {
    "wide": "a call that cannot be seen into may raise an error of another session's; a failure is told once, where it is felt first",
    "memoryless": "whether a handler catches an error of a class that is not known is decided for each handler anew",
    "jump": "an error that a jump out of a `finally` drops has no handler: the next one is taken for it",
    "with": "the end of a `with` closes as well: an early close inside it is not always told as one more",
    "unproved": "there are more paths than are run",
}


class Difference(NamedTuple):
    """*what* is ``missed`` or ``false alarm``; *lines* are where."""

    code: str
    what: str
    lines: tuple[int, ...]


def project(files: dict[str, str]) -> Summaries:
    """The summaries over a project in memory, by relative paths."""
    modules = {}
    for name in sorted(files):
        path = "/project/" + name
        source = decode(path, files[name].encode())
        assert isinstance(source, Source), source
        tree = parse(source)
        assert isinstance(tree, ast.Module), tree
        modules[path] = build(path, lower_module(tree), tuple(source.lines))
    return Summaries(World(Project("/project", modules), Settings()))


def verdicts(text: str) -> tuple[list[Judged], str | None]:
    """Every verdict on a file, and whether ``f`` was given up."""
    summaries = project({"program.py": text})
    found = list(judge_file(summaries.world.project.modules["/project/program.py"], summaries))
    bounded = [facts.bounded for function, facts in summaries.solved.items() if function.qualname == "f"]
    return found, bounded[0] if bounded else None


def differences(program: Program, seen: Seen, found: list[Judged]) -> list[Difference]:
    """Where verdicts and runs disagree. A program not run on every path proves no false alarm."""
    lines = {code: {j.verdict.pos[0] for j in found if j.rule.code == code} for code in ("SES201", "SES301", "SES302")}
    louder = [j for j in found if "SES302" in j.rule.supersedes]
    return [
        *_unclosed(seen, lines["SES302"], louder),
        *_closes(seen, lines["SES301"]),
        *_rollbacks(seen, lines["SES201"]),
    ]


def _closes(seen: Seen, lines: set[int]) -> list[Difference]:
    return _both("SES301", lines, {min(places) for places in seen.closers if len(places) > 1})


def _unclosed(seen: Seen, lines: set[int], louder: list[Judged]) -> list[Difference]:
    """A session that another rule speaks of instead is none that SES302 has to."""
    told = {_made(j) for j in louder}
    return _both("SES302", lines, set(seen.unclosed - told))


def _made(judged: Judged) -> int:
    """Where the session that a verdict is about was made."""
    sid = judged.verdict.subject
    return sid.pos[0] if isinstance(sid, Sid) and sid.pos is not None else 0


def _both(code: str, reported: set[int], shown: set[int]) -> list[Difference]:
    missed = [Difference(code, "missed", (line,)) for line in sorted(shown - reported)]
    return [*missed, *(Difference(code, "false alarm", (line,)) for line in sorted(reported - shown))]


def _rollbacks(seen: Seen, lines: set[int]) -> list[Difference]:
    missed = [Difference("SES201", "missed", tuple(sorted(group))) for group in seen.first if not group & lines]
    known = {line for group in seen.swallowers for line in group}
    return [*missed, *(Difference("SES201", "false alarm", (line,)) for line in sorted(lines - known))]


def explained(program: Program, seen: Seen, found: list[Judged], database: Database) -> list[tuple[Difference, str]]:
    """Each difference with the policy that it follows from (a key of :data:`POLICIES`), or nothing."""
    return [(d, _policy(d, program, seen, found, database)) for d in differences(program, seen, found)]


def _policy(difference: Difference, program: Program, seen: Seen, found: list[Judged], database: Database) -> str:
    if difference.what == "missed" and difference.code != "SES301":
        return ""  # of SES301 only the line may be another one
    complete = seen.complete
    for mode in ("wide", "memoryless"):
        more = observe(program, database, 1500, 0, mode)
        if difference not in differences(program, more, found):
            return mode
        complete = complete and more.complete
    if not complete:
        return "unproved"
    if difference.code == "SES301" and ("with session:" in program.text or "with closing(session):" in program.text):
        return "with"
    return "jump" if difference.code == "SES201" and jumps_in_finally(program.text) else ""


def jumps_in_finally(text: str) -> bool:
    """Whether some ``finally`` has a ``return``, ``break`` or ``continue`` in it."""
    blocks = [stmt for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Try) for stmt in node.finalbody]
    return any(isinstance(node, (ast.Return, ast.Break, ast.Continue)) for stmt in blocks for node in ast.walk(stmt))
