"""A transaction stays open while the function waits for something else.

What it does
    Reports the first slow call (HTTP, ``sleep``, a subprocess, a model, a cloud service, mail) that a function makes,
    itself or through other functions, between the first statement on a session and the ``commit``, ``rollback`` or
    ``close`` that ends its transaction.

Why it is bad
    The connection sits idle in its transaction: it keeps its locks, and nobody else can have it. A few slow answers
    at the same time, and the pool is empty.

Bad
    def enrich(book_id):
        with Session() as session:
            book = session.get(Book, book_id)
            book.cover = requests.get(book.cover_url).content
            session.commit()

Good
    def enrich(book_id):
        with Session() as session:
            url = session.get(Book, book_id).cover_url
        cover = requests.get(url).content
        with Session.begin() as session:
            session.get(Book, book_id).cover = cover

Configuration
    ``slow-calls`` adds dotted names of callables, or of modules with all that is in them.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes.globals_ import run_by_script
from sqla_lint.flow.terms.events import Called, Closing, Recovered, Waited
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import ModuleIndex
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES208"
NAME = "transaction-across-slow-call"
SEVERITY = "warning"

_OTHERS = ("connection",)
_ENDS = api.COMMITS | api.ROLLS_BACK | api.CLOSES


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each transaction: at its first slow call, the others related."""
    found = [e for e in facts.events if isinstance(e, Waited) and _holds(facts, e)]
    if not found or _is_silent(facts, world):
        return
    module = world.project.modules[facts.function.path]
    told: set[Pos] = set()
    for group in _begun_together(facts, _transactions(found)):
        first = group[0]
        if first.pos not in told and not _is_guarded(module, first.pos):
            told.update(event.pos for event in group)
            yield _verdict(facts, group)


def _holds(facts: Facts, event: Waited) -> bool:
    session = facts.sessions.get(event.sid)
    return session is None or not (session.settings.autocommit or session.settings.flavour in _OTHERS)


def _is_silent(facts: Facts, world: World) -> bool:
    function = facts.function
    if world.roles.is_test_code(function):
        return True
    return function.qualname in run_by_script(world.project.modules[function.path], world)


def _is_guarded(module: ModuleIndex, pos: Pos) -> bool:
    """Whether the place is under ``if __name__ == "__main__":``."""
    guard = module.main_guard
    return guard is not None and guard.pos[:2] <= pos[:2] <= guard.pos[2:]


def _transactions(events: list[Waited]) -> list[list[Waited]]:
    """The waits by transaction: ways that share a wait are ways through one."""
    groups: list[dict[Pos, Waited]] = []
    for event in sorted(events, key=lambda e: (repr(e.sid), e.first, e.pos)):
        joined = {event.pos: event}
        rest: list[dict[Pos, Waited]] = []
        for group in groups:
            same = any(one.sid == event.sid for one in group.values())
            if same and (event.pos in group or event.first in group):
                joined = {**group, **joined}
            else:
                rest.append(group)
        groups = [*rest, joined]
    return sorted([sorted(g.values(), key=lambda e: e.pos) for g in groups], key=lambda g: g[0].pos)


def _begun_together(facts: Facts, groups: list[list[Waited]]) -> list[list[Waited]]:
    """Branches that leave before they meet again are in one transaction too: nothing ends it between their waits."""
    ends = {e.sid: set[Pos]() for group in groups for e in group}
    for event in facts.events:
        if isinstance(event, (Closing, Recovered)) or (isinstance(event, Called) and event.name in _ENDS):
            if event.sid in ends:
                ends[event.sid].add(event.pos)
    found: list[list[Waited]] = []
    for group in groups:
        before = next((g for g in reversed(found) if g[0].sid == group[0].sid), None)
        if before is not None and before[-1].after == group[0].after:
            if not any(before[-1].pos < end < group[0].pos for end in ends[group[0].sid]):
                before += group
                continue
        found.append(list(group))
    return found


def _verdict(facts: Facts, group: list[Waited]) -> Verdict:
    first = group[0]
    name = facts.name_of(first.sid)
    how = f"waits for {first.what}()" if first.via is None else f"calls what waits for {first.what}()"
    message = (
        f"{how} while the transaction of {name} is open: its connection sits idle, with its locks; commit or close "
        f"{name} before, or wait before its first statement"
    )
    notes = [Note(first.via[1], "waits here", first.via[0])] if first.via is not None else []
    notes += [Note(event.pos, f"waits for {event.what}() as well") for event in group[1:]]
    return Verdict(first.pos, message, tuple(notes), subject=(first.sid, first.pos))
