"""From solved facts to verdicts: every rule over every function, and which rule speaks where several could."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver.summaries import Summaries
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.events import AsyncRead, Handed, LazyRead
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.summary import Read
from sqla_lint.index.module import Function, ModuleIndex
from sqla_lint.lending import given, inherited, lent, raising
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules import Rule, all_rules
from sqla_lint.rules.verdict import Verdict


class Judged(NamedTuple):
    """A rule's verdict, with the file and the function (None at module level) that it is in."""

    rule: Rule
    verdict: Verdict
    path: str
    function: Function | None


MODULE = "<module>"
ReadKey = tuple[str, Pos, tuple[str, ...]]


def body_of(module: ModuleIndex) -> Function:
    """A module's own statements, as a function that runs once."""
    last = module.node.body[-1].pos if module.node.body else (1, 0, 1, 0)
    node = n.FunctionDef((1, 0, last[2], last[3]), MODULE, (), module.node.body, (), None, False)
    return Function(module.path, MODULE, node, None, None, module.source)


def judge_file(module: ModuleIndex, summaries: Summaries, codes: Collection[str] | None = None) -> Iterator[Judged]:
    """The verdicts on one file, those that another rule supersedes left out; of the rules *codes*, of all if None."""
    world = summaries.world
    # A rule that speaks in another's place is asked even where its own verdicts are not wanted.
    rules = [rule for rule in all_rules() if codes is None or rule.code in codes or rule.supersedes]
    for judged in _judge_all(module, summaries, rules, world):
        if codes is None or judged.rule.code in codes:
            yield judged


def _judge_all(module: ModuleIndex, summaries: Summaries, rules: Sequence[Rule], world: World) -> Iterator[Judged]:
    for rule in rules:
        if rule.check_module is not None:
            for verdict in _settled(rule.check_module, module, summaries):
                yield Judged(rule, verdict, module.path, None)
    for function in (*module.functions, body_of(module)):
        if world.may_report(function) and not (function.qualname == MODULE and not world.runs_anything(module)):
            yield from _speaking(list(_judge_function(function, summaries, rules)))


def _settled(check: Callable[..., Iterable[Verdict]], of: object, summaries: Summaries) -> list[Verdict]:
    """Answers may rest on functions' summaries: those are computed, and the question asked again."""
    world = summaries.world
    for _ in range(8):
        world.missing = {}
        found = list(check(of, world))
        if not world.missing:
            break
        for function in list(world.missing):
            summaries.facts(function)
    return found


def _judge_function(function: Function, summaries: Summaries, rules: Sequence[Rule]) -> Iterator[Judged]:
    facts, lendings = summaries.facts(function), []
    more: tuple[AsyncRead | LazyRead, ...] = raising(function, summaries)
    if any(rule.check_handed is not None for rule in rules):
        lendings = list(lent(function, summaries))
        more += inherited(function, summaries, lendings)
    facts = replace(facts, events=(*facts.events, *more)) if more else facts
    where = None if function.qualname == MODULE else function
    for rule in rules:
        if rule.check is not None:
            for verdict in _settled(rule.check, facts, summaries):
                yield Judged(rule, verdict, function.path, where)
        if rule.check_handed is not None:
            for read, handed in (*_handed(function, summaries), *lendings):
                for verdict in rule.check_handed(read, handed, summaries.world):
                    yield Judged(rule, verdict, verdict.path or function.path, None)


def _speaking(judged: list[Judged]) -> Iterator[Judged]:
    """Of several rules that speak of one subject, those that no other supersedes."""
    for one in judged:
        if not any(
            one.rule.code in other.rule.supersedes and other.verdict.subject in _subjects(one.verdict)
            for other in judged
        ):
            yield one


def _subjects(verdict: Verdict) -> tuple[object, ...]:
    """What a verdict is about: of a session at one place, the session as well."""
    subject = verdict.subject
    if isinstance(subject, tuple) and subject and isinstance(subject[0], Sid):
        return (subject, subject[0])
    return (subject,)


def _handed(function: Function, summaries: Summaries) -> Iterable[tuple[Read, list[tuple[Facts, Handed]]]]:
    """The function's own reads in loops over what it is handed, each with all that the project hands it.

    One for each path and loop, at its first read; of several steps of one path on a line, the longest that sends
    statements.
    """
    if function.qualname == MODULE:
        return
    ways = (function, *(facts.function for facts in given(function, summaries)))
    reads = dict.fromkeys(read for way in ways for read in summaries.world.summary(way).reads)
    own = [r for r in reads if r.in_loop and not r.root and r.path == function.path and r.qualname == function.qualname]
    paths: dict[object, list[Read]] = {}
    for read in sorted(own, key=lambda r: r.pos):
        paths.setdefault((read.loop, read.name, read.steps), []).append(read)
    found = {alike[0]: _sent(alike, function, summaries) for alike in paths.values()}
    told = [read for read, handed in found.items() if handed]
    for read in told:
        if not any(_goes_on(read, other) for other in told):
            yield read, found[read]


def _sent(alike: list[Read], function: Function, summaries: Summaries) -> list[tuple[Facts, Handed]]:
    """What the project hands to reads of one path, if it sends statements: by that which is the first to run (the
    condition of a comprehension is, and stands behind its element).
    """
    every = (list(_collect(read, function, summaries)) for read in alike)
    return next((handed for handed in every if any(event.status == "lazy" for _, event in handed)), [])


def _goes_on(read: Read, other: Read) -> bool:
    on_line = (read.pos[0], read.loop, read.name) == (other.pos[0], other.loop, other.name)
    return on_line and len(other.steps) > len(read.steps) and other.steps[: len(read.steps)] == read.steps


def _collect(read: Read, function: Function, summaries: Summaries) -> Iterator[tuple[Facts, Handed]]:
    """Follow a read up through functions that pass on what they were handed themselves."""
    key = (read.path, read.pos, read.steps)
    seen = {function}
    work = [function]
    while work:
        passing = work.pop()
        # A test is called by its runner, with what its fixtures give.
        is_known = passing is function or summaries.world.roles.is_test_code(passing)
        for caller in _callers(passing, summaries.world):
            facts = summaries.facts(caller)
            events = facts.handed.get(key, ())
            passes = any((r.path, r.pos, r.root) == key for r in summaries.world.summary(caller).reads)
            if caller not in seen and not events and not passes:
                events = _made_of_given(caller, key, summaries)
            is_known = is_known or bool(events) or passes
            if caller in seen:
                continue
            seen.add(caller)
            yield from ((facts, event) for event in events)
            if passes:
                work.append(caller)
        if not is_known:
            # Nobody is known to call what passes it on: of its rows nothing is known either.
            unknown = Handed(read.pos, read.path, read.steps, read.steps[-1], None, passing.node.pos, "unknown")
            yield summaries.facts(passing), unknown


def _made_of_given(caller: Function, key: ReadKey, summaries: Summaries) -> tuple[Handed, ...]:
    """What a function hands over that it makes of what it is handed itself: as far as its callers say that."""
    found = (event for facts in given(caller, summaries) for event in facts.handed.get(key, ()))
    return tuple(event for event in found if event.status != "unknown")


def _callers(function: Function, world: World) -> tuple[Function, ...]:
    return world.roles.callers(function)
