"""A function that makes an engine of its own.

What it does
    Reports ``create_engine`` (and ``create_async_engine``) in a function where the engine neither leaves it nor is
    disposed of: used up here, or left behind a session that is returned.

Why it is bad
    Every call opens a pool of its own. Nothing is pooled, each call connects anew, and the connections of the last one
    stay open until the engine is collected: under load the database runs out of them.

Bad
    def titles():
        engine = create_engine("sqlite:///books.db")
        with Session(engine) as session:
            return session.scalars(select(Book.title)).all()

Good
    engine = create_engine("sqlite:///books.db")

    def titles():
        with Session(engine) as session:
            return session.scalars(select(Book.title)).all()

Fix
    One engine for the process: at module level, on the application, or behind a cached function. ``dispose()`` of one
    that is meant for this call alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.lifetimes import pools
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import Function, own_nodes
from sqla_lint.index.project import External
from sqla_lint.lower import nodes as n
from sqla_lint.rules.verdict import Verdict

CODE = "SES104"
NAME = "engine-per-call"
SEVERITY = "warning"

# Decorators by which a function runs once: a cache, a command of the program, the start of an application.
_ONCE = ("cache", "memo", "singleton", "command", "on_event", "startup", "group", "before_first_request")
_POOLLESS = frozenset({"NullPool", "StaticPool"})


def check(facts: Facts, world: World) -> Iterator[Verdict]:
    """One verdict for each engine that stays in the function."""
    function = facts.function
    engines = pools.engines(function, world) if function.qualname != "<module>" else []
    if not engines or _runs_once(function, world):
        return
    for made in engines:
        found = pools.outcome(function, made, world)
        if found.kept or found.given & {"engine", "factory"} or _has_no_pool(made):
            continue
        name = pools.name_of(function, made)
        behind = "a session over it leaves" if found.given else "it neither leaves nor is disposed of"
        message = (
            f"every call of {function.node.name}() makes {name} anew, with a pool of its own, and {behind}; "
            "make it once, at module level or in a cached function, or dispose of it"
        )
        yield Verdict(made.pos, message, subject=made.pos)


def _runs_once(function: Function, world: World) -> bool:
    if world.roles.is_test_code(function) or world.roles.is_cached(function) or _is_migration(function.path, world):
        return True
    if function.node.name == "main" or any(_is_once(d) for d in function.node.decorators):
        return True
    guard = world.project.modules[function.path].main_guard
    return guard is not None and any(
        isinstance(e, n.Name) and e.id == function.node.name for e in own_nodes(guard.body)
    )


def _is_migration(path: str, world: World) -> bool:
    """Whether a file is one of Alembic's: its environment, or a version, which runs once."""
    return PurePath(path).name == "env.py" or world.project.lookup(path, "op") == External("alembic.op")


def _is_once(decorator: n.Expr) -> bool:
    func = decorator.func if isinstance(decorator, n.Call) else decorator
    name = n.last_part(func)
    return any(word in name.lower() for word in _ONCE)


def _has_no_pool(made: n.Call) -> bool:
    """Whether the engine pools nothing, or is the one connection of a database in memory."""
    pool = next((k.value for k in made.keywords if k.name == "poolclass"), None)
    name = n.last_part(pool)
    return name in _POOLLESS
