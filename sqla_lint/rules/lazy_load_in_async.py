"""A lazy load where nothing can be awaited.

What it does
    Reports the read of a lazy relationship, of a deferred column, or of an attribute that a commit has expired, on an
    instance of an ``AsyncSession``, outside ``run_sync``; a schema that is filled from the instance, such as a FastAPI
    response model, reads it as well.

Why it is bad
    Reading an attribute cannot be awaited, so its statement cannot be sent: ``MissingGreenlet``.

Bad
    async def names(key):
        async with AsyncSession(async_engine) as session:
            owner = await session.get(Owner, key)
            return [pet.name for pet in owner.pets]

Good
    async def names(key):
        async with AsyncSession(async_engine) as session:
            owner = await session.get(Owner, key, options=[selectinload(Owner.pets)])
            return [pet.name for pet in owner.pets]

Fix
    Load it with the query, ``await session.refresh(owner, ["pets"])``, or ``await owner.awaitable_attrs.pets``; make
    the factory with ``expire_on_commit=False``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.events import AsyncRead
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.rules.verdict import Note, Verdict

CODE = "SES403"
NAME = "lazy-load-in-async"
SEVERITY = "error"


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each instance and path; of expired attributes, at the first read."""
    reads = sorted((e for e in facts.events if isinstance(e, AsyncRead) and e.sure), key=lambda e: e.pos)
    told: set[object] = set()
    for read in reads:
        key = (read.instance, read.attribute if read.cause is None else None)
        if key not in told:
            told.add(key)
            yield _verdict(read)


def _verdict(read: AsyncRead) -> Verdict:
    what = f"{read.text} reads {read.attribute}" if read.text.endswith("()") else f"{read.text}.{read.attribute}"
    if read.cause is None:
        message = f"{what} is loaded lazily, and here nothing awaits it: MissingGreenlet; load it with the query"
        return Verdict(read.pos, message)
    message = (
        f"{what} was expired by the commit at line {read.cause[0]}, and here nothing awaits its load: MissingGreenlet; "
        "refresh it, or set expire_on_commit=False"
    )
    return Verdict(read.pos, message, (Note(read.cause, "expired here"),))
