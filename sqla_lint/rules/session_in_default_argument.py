"""A session made in a parameter's default.

What it does
    Reports a plain session created in a parameter default; calling a registry there counts too.

Why it is bad
    A default is evaluated once, when the function is defined: all calls, in all threads, share that one session for
    good.

Bad
    def titles(session=Session(engine)):
        return [book.title for book in session.query(Book)]

Good
    def titles(session: Session):
        return [book.title for book in session.query(Book)]

Fix
    Take the session as a parameter without a default, or open one in the body.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes import globals_
from sqla_lint.index.module import ModuleIndex
from sqla_lint.rules.verdict import Verdict

CODE = "SES102"
NAME = "session-in-default-argument"
SEVERITY = "error"


def check_module(module: ModuleIndex, world: World) -> Iterator[Verdict]:
    """One verdict for each default that makes a session."""
    for param, name, outer in globals_.session_defaults(module, world):
        assert param.default is not None
        message = (
            f"the default of {param.name} is made once, when {name} is defined: every call shares this session; open "
            "it in the body, or let the caller hand it in"
        )
        yield Verdict(param.default.pos, message, subject=param.pos, function=outer)
