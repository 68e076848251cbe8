"""A plain session is shared by the whole process.

What it does
    Reports a session bound at module or class level, assigned to a ``global``, or returned by a cached function: one
    that every thread and every request uses. Registries (``scoped_session``) and factories (``sessionmaker``) are right
    there.

Why it is bad
    A session is not thread-safe, and one error leaves it failed for everybody. Its rows and its connection are never
    given back.

Bad
    Session = sessionmaker(bind=engine)
    session = Session()

    def titles():
        return [book.title for book in session.query(Book)]

Good
    Session = sessionmaker(bind=engine)

    def titles():
        with Session() as session:
            return [book.title for book in session.query(Book)]

Fix
    context-manager: each function that uses it opens its own scope; base-mixin: it becomes a registry.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes import globals_
from sqla_lint.index.module import ModuleIndex
from sqla_lint.rules.verdict import Verdict

CODE = "SES101"
NAME = "global-session"
SEVERITY = "warning"

_ADVICE = "open a session where it is used (with Session() as session), or make it a scoped_session"


def check_module(module: ModuleIndex, world: World) -> Iterator[Verdict]:
    """One verdict for each binding of a session that the whole process shares."""
    if world.project.is_test(module.path):
        return
    for binding in globals_.process_wide(module, world):
        message = f"{binding.name} {_TOLD[binding.how]}: {_ADVICE}"
        yield Verdict(
            binding.pos, message, head=binding.how == "cached", subject=binding.name, function=binding.function
        )


_TOLD = {
    "module": "is one session for the whole process, shared by every thread and request",
    "class": "is one session for all instances and threads",
    "global": "is assigned to a global: one session for the whole process",
    "cached": "returns the same cached session to every caller",
}
