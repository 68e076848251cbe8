"""Queries that a loop runs again for each item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.loops import memos
from sqla_lint.flow.loops.derived import Derivation, Names
from sqla_lint.flow.loops.repetition import Loop, goes_over_batches, goes_over_data, takes_in, variables
from sqla_lint.flow.terms.basis import LoopId
from sqla_lint.flow.terms.context import describe
from sqla_lint.flow.terms.events import Once, Queried
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import names_in
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

_FAILURES = api.DATABASE_ERRORS | api.CATCH_ALL_ERRORS


class Repeated(NamedTuple):
    """A query of *loop*: *text* is how it is called, *names* are the loop's names that it is made of."""

    event: Queried
    loop: LoopId
    text: str
    names: tuple[str, ...]


def repeated(facts: Facts, world: World) -> list[Repeated]:
    """The queries of the function that run once for each item of a loop, in source order, each place once."""
    queried = [event for event in facts.events if isinstance(event, Queried) and event.loops]
    if not queried:
        return []
    once = {event.loop for event in facts.events if isinstance(event, Once)}
    derivation = Derivation.of(facts.function)
    loops = _loops(derivation)
    data = {
        loop: node
        for loop, node in loops.items()
        if loop not in once
        and any(loop in event.loops for event in queried)
        and goes_over_data(node, facts.function, world)
    }
    names = {loop: derivation.names(variables(node), node.pos) for loop, node in data.items()}
    around = {loop for event in queried for loop in event.loops} & loops.keys()
    batches = {loop for loop in around - data.keys() if goes_over_batches(loops[loop], facts.function, world)}
    failed = tuple(_after_failures(derivation))
    found: dict[tuple[int, int], Repeated] = {}
    # Of several queries that one call runs, one that always runs is told rather than one that may.
    for event in sorted(queried, key=lambda e: (e.pos[:2], e.via is not None, e.pos[2:], e.conditions, e.loops)):
        if event.pos[:2] not in found and not any(_holds(stmt, event.pos) for stmt in failed):
            one = _judge(_inside(event, batches), derivation, data, names)
            if one is not None:
                found[event.pos[:2]] = one
    return list(found.values())


def _inside(event: Queried, batches: set[LoopId]) -> Queried:
    """*event* with the loops inside the innermost one that goes over batches: what is around it, batches are of."""
    last = max((i for i, loop in enumerate(event.loops) if loop in batches), default=-1)
    return event._replace(loops=event.loops[last + 1 :])


def _after_failures(derivation: Derivation) -> Iterator[n.Stmt]:
    """What handlers of database errors do: that is for the item that failed, not for each."""
    for node in derivation.nodes:
        if isinstance(node, n.Try):
            for handler in node.handlers:
                if handler.type is not None and names_in(handler.type) & _FAILURES:
                    yield from handler.body


def _holds(stmt: n.Stmt, pos: Pos) -> bool:
    return stmt.pos[:2] <= pos[:2] and pos[2:] <= stmt.pos[2:]


def _loops(derivation: Derivation) -> dict[LoopId, Loop]:
    """The loops of a function, as states name them; of a call and a comprehension at one place, the comprehension."""
    found: dict[LoopId, Loop] = {}
    for node in derivation.nodes:
        if isinstance(node, n.Call):
            found.setdefault(node.pos[:2], node)
    for node in derivation.nodes:
        if isinstance(node, n.Comprehension):
            found[node.pos[0], node.pos[1] + 1] = node
        elif isinstance(node, (n.For, n.While)):
            found[node.pos[:2]] = node
    return found


def _judge(
    event: Queried, derivation: Derivation, data: dict[LoopId, Loop], names: dict[LoopId, Names]
) -> Repeated | None:
    if event.coroutine and derivation.function.is_async and _is_handed_over(event, derivation):
        return None
    for loop in reversed(event.loops):
        node = data.get(loop)
        if node is None or _is_made_in(event, node.pos):
            continue
        expr = derivation.at(event.pos)
        if expr is not None and derivation.made_of_session(expr, names[loop], event.sid):
            continue
        if event.takes is not None and derivation.has_opened(event, node.pos):
            continue
        if not _is_of_item(event, derivation, node, names[loop]):
            continue
        body = node.body if isinstance(node, (n.For, n.While)) else ()
        if memos.is_remembered(derivation, event.pos, body):
            return None
        if memos.runs_once(body, event.pos, names[loop].variables):
            continue
        text = describe(expr) if expr is not None else "it"
        return Repeated(event, loop, text, _made_of(expr, names[loop]) if expr is not None else ())
    return None


def _made_of(expr: n.Expr, names: Names) -> tuple[str, ...]:
    """The loop's variables that a query is made of, through the statements that were made of them; two at most."""
    used = names_in(expr) & names.every
    while used and not used & names.variables:
        further = {name for b in names.within if b.names & used for name in b.mentions} & names.every
        if further <= used:
            break
        used |= further
    return tuple(sorted(used & names.variables or used)[:2])


def _is_handed_over(event: Queried, derivation: Derivation) -> bool:
    """Whether a coroutine is not awaited in the round: it goes to ``gather`` and the like (SES103)."""
    expr = derivation.at(event.pos)
    return isinstance(expr, n.Call) and not derivation.is_awaited(event.pos)


def _is_of_item(event: Queried, derivation: Derivation, node: Loop, names: Names) -> bool:
    if isinstance(node, n.Call) and event.pos == node.pos:
        # A function handed to ``map`` and the like: its first parameter is the item.
        return event.takes is not None and any(taken.place in (0, -1) for taken in event.takes)
    expr = derivation.at(event.pos)
    return derivation.asks_for(event, names) or (expr is not None and takes_in(node, expr))


def _is_made_in(event: Queried, span: Pos) -> bool:
    """Whether the loop makes the session: one database for each round is the usual case."""
    sid = event.sid
    return sid is not None and sid.owner == "local" and sid.pos is not None and span[:2] <= sid.pos[:2] <= span[2:]
