"""A relationship is loaded lazily on each row of a loop: N+1 queries.

What it does
    Reports the read of a lazy relationship (or a deferred column) on rows that a loop draws from a query or from
    another relationship, where the query does not load it; also through functions, methods and properties that the loop
    calls, through schemas (Pydantic's, a FastAPI response model, marshmallow's) that are filled from the rows, and
    (with Jinja installed) in a template that a Flask, Starlette or FastAPI view renders by its literal name.

Why it is bad
    One query for the rows, and one more for each row: a page with a thousand rows sends a thousand and one.

Bad
    def names(session: Session):
        found = []
        for owner in session.query(Owner).all():
            found.append([pet.name for pet in owner.pets])
        return found

Good
    def names(session: Session):
        found = []
        for owner in session.query(Owner).options(selectinload(Owner.pets)).all():
            found.append([pet.name for pet in owner.pets])
        return found

Fix
    eager-load: ``.options(selectinload(...))`` for a collection, ``joinedload(...)`` for a many-to-one, on the query.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import Handed, LazyRead
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.flow.terms.row_values import Entity
from sqla_lint.flow.terms.summary import Read
from sqla_lint.lower.nodes import Pos
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES401"
NAME = "lazy-load-in-loop"
SEVERITY = "warning"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each relationship path and loop, at its first read."""
    # Where nothing awaits the load it raises instead, and that is told.
    for read, path, reads in _told(reads for reads in facts.lazy_reads if reads[0].pos not in facts.raising):
        yield _verdict(read, path, world)._replace(unloaded=_unloaded(reads))
    known = set()
    for (call, template, looped), groups in facts.rendered.items():
        for read, path, reads in _told(groups):
            key = (template, read.pos, path, read.entity.origin)
            if key in known:
                continue
            known.add(key)
            where = f"line {read.loop[0]}" + (f" of {os.path.basename(looped)}" if looped != template else "")
            verdict = _verdict(read, path, world, where)
            note = Note(call, f"{facts.function.qualname} renders it here", facts.function.path)
            yield verdict._replace(
                related=(*verdict.related, note), subject=verdict.message, path=template, unloaded=_unloaded(reads)
            )


def _told(groups: Iterable[tuple[LazyRead, ...]]) -> Iterator[tuple[LazyRead, tuple[str, ...], tuple[LazyRead, ...]]]:
    told: list[tuple[LazyRead, tuple[str, ...], tuple[LazyRead, ...]]] = []
    for reads in groups:
        read = reads[0]
        path = (*read.entity.steps, read.attribute)
        if not any(_same(read, path, other, known) for other, known, _ in told):
            told.append((read, path, reads))
    for read, path, reads in told:
        if not any(_longer(read, path, other, known) for other, known, _ in told):
            yield read, path, reads


def _unloaded(reads: Iterable[LazyRead | Handed]) -> tuple[tuple[Entity, str], ...]:
    return tuple(dict.fromkeys((read.entity, read.attribute) for read in reads if read.entity is not None))


def _same(read: LazyRead, path: tuple[str, ...], other: LazyRead, known: tuple[str, ...]) -> bool:
    return read.loop == other.loop and path == known and read.entity.origin == other.entity.origin


def _longer(read: LazyRead, path: tuple[str, ...], other: LazyRead, known: tuple[str, ...]) -> bool:
    """Whether *other* goes on from *read* on the same line: the longest step tells it all."""
    on_line = read.pos[0] == other.pos[0] and read.loop == other.loop
    return on_line and len(known) > len(path) and known[: len(path)] == path


def _verdict(read: LazyRead, path: tuple[str, ...], world: World, where: str | None = None) -> Verdict:
    origin = read.entity.origin
    assert origin is not None
    what = ".".join(path)
    wanted = f"{read.entity.cls.name}.{read.attribute}"
    is_column = world.mappings.relationship(read.entity.cls, read.attribute) is None
    option = "undefer" if is_column else "selectinload" if read.many else "joinedload"
    where = where or f"line {read.loop[0]}"
    notes: list[Note] = []
    if read.via is not None:
        name, pos, file = read.via
        message = f"{name} reads {what}, loaded lazily for each row of the loop at {where}: one query a row"
        notes.append(Note(pos, f"reads {read.attribute} here", file))
    else:
        message = f"{what} is loaded lazily for each row of the loop at {where}: one query a row"
    notes.append(
        Note(
            origin.pos,
            f"the query: .options(... {option}({wanted})) belongs here"
            if read.entity.steps
            else f"the query: add .options({option}({wanted})) here",
            origin.path,
        )
    )
    return Verdict(
        read.pos, f"{message}; load it with {option}({wanted}) on the query", tuple(notes), subject=(read.loop, path)
    )


# --- rows that callers hand over -------------------------------------------------------------------------------------


def check_handed(read: Read, handed: list[tuple[Facts, Handed]], world: World) -> Iterator[Verdict]:
    """A read in a loop over what callers hand in: at the read if all hand over rows without the load,
    else at those calls.
    """
    calls: dict[tuple[str, Pos], list[tuple[Facts, Handed]]] = {}
    for facts, event in handed:
        if event.pos in facts.raising:
            continue
        calls.setdefault((facts.function.path, event.pos), []).append((facts, event))
    lazy = [found for events in calls.values() if (found := _first_lazy(events)) is not None]
    if len(lazy) < len(calls) and not world.project.is_test(read.path):
        # A test hands over what it has made itself, a row or none: of the calls of a program's function it is no judge.
        lazy = [found for found in lazy if not world.project.is_test(found[0].function.path)]
    if not lazy:
        return
    # A method or property of the row may stand between: what that reads is loaded lazily.
    steps = (*read.steps[:-1], lazy[0][1].attribute)
    what = ".".join(part for part in steps if not part.startswith("["))
    if len(lazy) == len(calls):
        facts, event = lazy[0]
        callers = ", ".join(sorted({facts.function.qualname for facts, _ in lazy})[:3])
        message = (
            f"{what} is loaded lazily for each row of the loop at line {read.loop[0] if read.loop else read.pos[0]}: "
            "one query a row; "
            f"no caller ({callers}) loads {event.target}.{event.attribute} with its rows"
        )
        notes = tuple(Note(event.pos, "handed over here", facts.function.path) for facts, event in lazy[:5])
        unloaded = _unloaded(event for _, events in calls.items() for _, event in events if event.status == "lazy")
        subject = (read.pos, what)
        yield Verdict(read.pos, message, notes, False, subject, read.path, read.qualname, unloaded)
        return
    for facts, event in lazy:
        message = (
            f"{read.qualname}() reads {event.target}.{event.attribute} of each row handed over here, and they come "
            "without it: one "
            "query a row; load it with the query"
        )
        note = Note(read.pos, f"reads {what} here", read.path)
        path, function = facts.function.path, facts.function.qualname
        unloaded = _unloaded(one for _, one in calls[path, event.pos] if one.status == "lazy")
        yield Verdict(event.pos, message, (note,), False, (event.pos, what), path, function, unloaded)


def _first_lazy(events: list[tuple[Facts, Handed]]) -> tuple[Facts, Handed] | None:
    """The first event of a read that sends a statement whichever way led to the call."""
    groups: dict[tuple[str, str], list[tuple[Facts, Handed]]] = {}
    for found in events:
        groups.setdefault((found[1].target, found[1].attribute), []).append(found)
    return next((g[0] for g in groups.values() if all(event.status == "lazy" for _, event in g)), None)
