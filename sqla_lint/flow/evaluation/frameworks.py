"""What frameworks do with functions and sessions: routes, views, teardown hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqla_lint.flow.terms.basis import Sid
from sqla_lint.index.module import Function, ModuleIndex, walk
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

_ROUTES = frozenset(
    {"route", "get", "post", "put", "patch", "delete", "head", "options", "websocket", "api_route", "view", "endpoint",
     "errorhandler", "exception_handler", "app_errorhandler", "view_config", "action", "before_request", "expose"}
)  # fmt: skip
# Those that are imported by themselves.
_BARE_ROUTES = frozenset({"expose", "route", "view_config"})
_ENTRIES = frozenset(
    {
        "command",
        "cli_command",
        "job",
        "task",
        "shared_task",
        "event",
        "shortcut",
        "message",
        "function",
        "options",
        "tool",
    }
)
_VIEW_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "dispatch_request", "dispatch"})
_VIEW_BASES = ("Resource", "View", "HTTPEndpoint", "RequestHandler", "Handler", "Namespace", "Controller")
_FLASK_VIEW = "flask.views.View"
_CLEANS = frozenset({"rollback", "close", "remove"})
_GUARDS = frozenset({"except", "finally", "with"})
_MANAGES = ("transaction", "atomic", "provide_session", "with_session", "unit_of_work")
# Decorators that say nothing of what a function does with a session.
PLAIN = frozenset({"staticmethod", "classmethod", "property", "cached_property", "abstractmethod", "override", "final"})
_TEARDOWNS = (
    "teardown",
    "after_request",
    "after_app_request",
    "shutdown",
    "cleanup",
    "postrun",
    "middleware",
    "tearDown",
)


def is_route(function: Function, world: World) -> bool:
    """Whether a web framework calls the function to serve a request."""
    for decorator in function.node.decorators:
        func = decorator.func if isinstance(decorator, n.Call) else decorator
        if isinstance(func, n.Attribute) and func.attr in _ROUTES:
            return True
        if isinstance(func, n.Name) and func.id in _BARE_ROUTES:
            return True
    if function.cls is None:
        return False
    bases = world.names.external_bases(function.cls)
    if function.node.name in _VIEW_METHODS:
        return any(base.rpartition(".")[2].endswith(_VIEW_BASES) for base in bases)
    # A view of Flask's may hand a request to any of its methods, by a table of its own.
    return _FLASK_VIEW in bases and not function.node.name.startswith("_")


def is_entry_point(function: Function, world: World) -> bool:
    """Whether a framework calls the function with an application context of its own: a route, a command, a task.

    Flask-SQLAlchemy removes its session when that ends.
    """
    if is_route(function, world) or is_registered(function, world):
        return True
    for decorator in function.node.decorators:
        func = decorator.func if isinstance(decorator, n.Call) else decorator
        name = n.last_part(func)
        if name in _ENTRIES:
            return True
    return False


def is_registered(function: Function, world: World) -> bool:
    """Whether the function's file hands it to a framework by a call: ``app.command("/x")(handler)``."""
    return function.node.name in world.roles.registered(function.path)


def registered(module: ModuleIndex) -> frozenset[str]:
    """The names of functions that a file hands to a framework by a call."""
    found: set[str] = set()
    for call in walk(module.node.body) if module.words & (_ROUTES | _ENTRIES) else ():
        if isinstance(call, n.Call) and isinstance(call.func, n.Call) and len(call.args) == 1:
            inner, handed = call.func.func, call.args[0]
            if isinstance(handed, n.Name) and isinstance(inner, n.Attribute) and inner.attr in _ROUTES | _ENTRIES:
                found.add(handed.id)
    return frozenset(found)


def is_removed_elsewhere(sid: Sid, function: Function, world: World) -> bool:
    """Whether a registry's session is removed by a hook of the project, whatever this function does."""
    if sid.owner != "registry":
        return False
    for other in world.project.functions_by_word.get("remove", ()):
        if other is not function and _is_teardown(other):
            effects = dict(world.summary(other).effects)
            if sid in effects and "close" in effects[sid].may:
                return True
    return False


_COMMITS = frozenset({"commit", "begin"})


def rolls_back(function: Function, world: World) -> bool:
    """Whether something around the function cleans up what it leaves failed: a decorator of the project that does, or
    one from outside that is named for it.
    """
    for decorator in function.node.decorators:
        func = decorator.func if isinstance(decorator, n.Call) else decorator
        found = world.names.definition(function.path, func)
        if isinstance(found, Function):
            if not _CLEANS.isdisjoint(found.words) and _GUARDS & found.words:
                return True
        elif any(word in n.last_part(func) for word in _MANAGES):
            return True
    return False


def commits_after(function: Function, world: World) -> bool:
    """Whether a decorator of the project may commit what the function has done."""
    for decorator in function.node.decorators:
        found = world.names.definition(function.path, decorator.func if isinstance(decorator, n.Call) else decorator)
        if isinstance(found, Function) and not _COMMITS.isdisjoint(found.words):
            return True
    return False


def provides_session(function: Function, world: World) -> bool:
    """Whether a decorator may hand the function a session that it opens for the call: one of the project that ends
    something when the call ends, or one that is not known.
    """
    for decorator in function.node.decorators:
        func = decorator.func if isinstance(decorator, n.Call) else decorator
        if n.last_part(func) in PLAIN:
            continue
        found = world.names.definition(function.path, func)
        if not isinstance(found, Function) or not {"finally", "with"}.isdisjoint(found.words):
            return True
    return False


def _is_teardown(function: Function) -> bool:
    if any(word in function.node.name for word in _TEARDOWNS):
        return True
    for decorator in function.node.decorators:
        func = decorator.func if isinstance(decorator, n.Call) else decorator
        name = n.last_part(func)
        if any(word in name for word in _TEARDOWNS):
            return True
    return False
