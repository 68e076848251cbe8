"""How functions open a session of their own in place of one that a module made once."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods import imports
from sqla_lint.codemods.imports import Needed
from sqla_lint.codemods.layout import text_at
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation import evaluate
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.session_values import Factory, Session
from sqla_lint.flow.terms.session_values import Settings as SessionSettings
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import FunctionValue
from sqla_lint.index.module import ModuleIndex, walk
from sqla_lint.lower import nodes as n

_CANDIDATES = ("SessionFactory", "session_factory", "new_session")


class Opener(NamedTuple):
    """*text* makes a session in the file that made the shared one; other files import *name* and call it.

    *factory* is what the binding becomes where nothing in the file makes sessions yet; *needed* is its import.
    """

    text: str
    settings: SessionSettings
    name: str | None = None
    factory: str | None = None
    needed: Needed | None = None


def opener(world: World, module: ModuleIndex, value: n.Expr | None, elsewhere: bool) -> Opener:
    """How to make what *value* made.

    Args:
        world: the project.
        module: the file that has the shared session.
        value: what it is bound to.
        elsewhere: whether other files must open sessions as well.

    Raises:
        Refused: there is no way that functions could go.
    """
    if not isinstance(value, n.Call):
        raise Refused("it is not made by a plain call")
    made = evaluate.expr(world.static_context(module.path, None), Cursor(State({}, {}), None), value)
    if not isinstance(made, Session) or made.sid.owner == "registry":
        raise Refused("a registry or a generator makes it")
    text = text_at(module.source, value.pos)
    if isinstance(value.func, n.Name) and not value.args and not value.keywords and not _is_class(world, module, value):
        return Opener(text, made.settings, value.func.id)
    if isinstance(value.func, n.Call) and not value.args and not value.keywords:
        return _named(module, made.settings, text_at(module.source, value.func.pos), None)
    if not elsewhere and _is_repeatable(value) and "\n" not in text:
        return Opener(text, made.settings)
    return _factory(world, module, value, made.settings)


def check_droppable(world: World, module: ModuleIndex, value: n.Expr | None) -> None:
    """Raise if making the session may do more than that, so that it cannot go although nothing uses it.

    Raises:
        Refused: a function of the project makes it, or something unknown.
    """
    if not isinstance(value, n.Call):
        raise Refused("it is not made by a plain call")
    made = evaluate.expr(world.static_context(module.path, None), Cursor(State({}, {}), None), value.func)
    if isinstance(made, FunctionValue) or not (isinstance(made, Factory) or _is_class(world, module, value)):
        raise Refused("nothing uses it, but what makes it may do more than that")


def _is_class(world: World, module: ModuleIndex, value: n.Call) -> bool:
    return world.names.meaning(module.path, value.func) in ("session-class", "async-session-class")


def _is_repeatable(value: n.Call) -> bool:
    """Whether making the arguments again makes nothing new."""
    calls = [node for node in walk((value.args, tuple(k.value for k in value.keywords))) if isinstance(node, n.Call)]
    return not calls and isinstance(value.func, n.Name)


def _factory(world: World, module: ModuleIndex, value: n.Call, settings: SessionSettings) -> Opener:
    meaning = world.names.meaning(module.path, value.func)
    names = {
        "session-class": ("sqlalchemy.orm", "sessionmaker"),
        "async-session-class": ("sqlalchemy.ext.asyncio", "async_sessionmaker"),
    }
    if meaning not in names:
        raise Refused("its factory takes arguments, which other files do not have")
    needed = imports.needed(module, *names[meaning])
    if needed is None:
        raise Refused(f"`{names[meaning][1]}` means something else in its file")
    called = text_at(module.source, value.func.pos)
    given = text_at(module.source, value.pos)[len(called) + 1 :]
    dotted = world.names.dotted(module.path, value.func) or ""
    own = "" if api.meaning(dotted) == "session-class" and dotted.startswith("sqlalchemy") else f"class_={called}"
    own = "" if meaning == "async-session-class" else own
    text = (
        f"{needed.spelling}({given.removesuffix(')').rstrip().rstrip(',')}{', ' if own and given != ')' else ''}{own})"
    )
    return _named(module, settings, text, needed)


def _named(module: ModuleIndex, settings: SessionSettings, text: str, needed: Needed | None) -> Opener:
    candidates = _CANDIDATES if "Session" in module.bindings else ("Session", *_CANDIDATES)
    name = next((name for name in candidates if name not in module.words), None)
    if name is None:
        raise Refused("no name is free for its factory")
    return Opener(f"{name}()", settings, name, f"{name} = {text}", needed)
