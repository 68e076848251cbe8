"""Sessions that the whole process shares: where they are bound, and which of them only a script uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqla_lint.flow.evaluation.evaluate import expr
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.index.module import Class, Function, ModuleIndex, names_in, own_nodes, statements, target_names, walk
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

# Words by which a file shows that it serves requests, handles messages, runs tasks or starts threads.
_SERVES = frozenset(
    {"Flask", "FastAPI", "Starlette", "Thread", "ThreadPoolExecutor", "Process", "ProcessPoolExecutor", "Celery",
     "shared_task", "task", "route", "websocket", "gather", "create_task", "ThreadingHTTPServer", "HTTPServer",
     "Updater", "Bot", "Client", "consume", "basic_consume", "KafkaConsumer", "BackgroundScheduler",
     "BlockingScheduler", "Sanic", "Quart", "tornado", "RequestHandler", "start_server", "serve_forever", "threading",
     "multiprocessing", "socketserver",
     "AsyncIOScheduler", "run_in_executor", "on_event", "event", "apscheduler", "bottle", "aiohttp", "Application",
     "subscribe", "on_message", "worker", "Worker", "Pool"}
)  # fmt: skip


class Binding(NamedTuple):
    """A process-wide session: *how* is ``module``, ``class``, ``global`` or ``cached``;
    *function* the function it stands in.
    """

    name: str
    pos: Pos
    how: str
    function: str | None


def process_wide(module: ModuleIndex, world: World) -> Iterator[Binding]:
    """The sessions that *module* makes process-wide."""
    yield from _at_module_level(module, world)
    for cls in module.classes:
        if any(base.endswith("TestCase") for base in world.names.external_bases(cls)):
            continue
        yield from _at_class_level(cls, world)
    for function in module.functions:
        yield from _in_function(function, world)


# --- module level ----------------------------------------------------------------------------------------------------


def _at_module_level(module: ModuleIndex, world: World) -> Iterator[Binding]:
    guarded = _guarded(module)
    for stmt in statements(module.node.body):
        if not isinstance(stmt, (n.Assign, n.AnnAssign)) or stmt.pos in guarded:
            continue
        if stmt.value is None or not _makes_session(world, module.path, None, stmt.value):
            continue
        for name in _plain_targets(stmt):
            if not _is_script_use(module, world, name, stmt):
                yield Binding(name, stmt.pos, "module", None)


def _plain_targets(stmt: n.Assign | n.AnnAssign) -> list[str]:
    targets = stmt.targets if isinstance(stmt, n.Assign) else (stmt.target,)
    return [name for target in targets for name in target_names(target)]


def _guarded(module: ModuleIndex) -> frozenset[Pos]:
    guard = module.main_guard
    return frozenset(s.pos for s in statements(guard.body)) if guard is not None else frozenset()


def _makes_session(world: World, path: str, function: Function | None, value: n.Expr) -> bool:
    """Whether an expression makes a session (rather than naming one that is made elsewhere)."""
    if not isinstance(value, (n.Call, n.Await, n.BoolOp, n.IfExp)):
        return False
    ctx = world.static_context(path, function)
    found = expr(ctx, Cursor(State({}, {}), None), value)
    return isinstance(found, Session) and found.sid.owner in ("local", "kept", "registry")


def _is_script_use(module: ModuleIndex, world: World, name: str, binding: n.Stmt) -> bool:
    """Whether only a script uses the session: straight-line code of the same file, or a program of its own."""
    imported = _is_used_elsewhere(module, world, name)
    if imported:
        return False
    if is_script(module, world):
        return True
    in_functions = any(_uses(f, name) and not _hides(f, name, world) for f in module.functions)
    return not in_functions and _used_at_module_level(module, name, binding)


def is_script(module: ModuleIndex, world: World) -> bool:
    """Whether a file is a program that runs once: it has a main guard, nobody imports it, and it serves nobody."""
    return (
        module.main_guard is not None
        and not world.project.importers.get(module.path)
        and module.words.isdisjoint(_SERVES)
    )


def run_by_script(module: ModuleIndex, world: World) -> frozenset[str]:
    """The functions (by qualified name) that a script's main guard leads to; none if the file is no script."""
    if not is_script(module, world):
        return frozenset()
    assert module.main_guard is not None
    found: set[str] = set()
    names = set(names_in(module.main_guard))
    grown = True
    while grown:
        reached = [f for f in module.functions if f.qualname not in found and f.node.name in names]
        grown = bool(reached)
        for function in reached:
            found.add(function.qualname)
            names |= function.words
    return frozenset(found)


def _uses(function: Function, name: str) -> bool:
    return name in function.words and any(
        isinstance(part, n.Name) and part.id == name for part in walk((function.node.body, function.node.decorators))
    )


def _hides(function: Function, name: str, world: World) -> bool:
    """Whether the function, or one around it, binds the name itself."""
    around: Function | None = function
    while around is not None:
        if name in world.local_names(around):
            return True
        around = around.outer
    return False


def _used_at_module_level(module: ModuleIndex, name: str, binding: n.Stmt) -> bool:
    return any(
        isinstance(part, n.Name) and part.id == name and part.pos[:2] > binding.pos[2:]
        for part in own_nodes(module.node.body)
    )


def _is_used_elsewhere(module: ModuleIndex, world: World, name: str) -> bool:
    """Whether another file of the project imports the name, or reaches it through the module."""
    return any(name in world.project.modules[path].words for path in world.project.importers.get(module.path, ()))


def session_defaults(module: ModuleIndex, world: World) -> Iterator[tuple[n.Param, str, str | None]]:
    """The parameters whose default makes a session: (parameter, function, the function around it)."""
    for function in module.functions:
        for param in function.node.params:
            if param.default is not None and _makes_session(world, module.path, function.outer, param.default):
                yield param, f"{function.node.name}()", function.outer.qualname if function.outer is not None else None
    if "lambda" in module.words:
        for part in walk(module.node.body):
            for param in part.params if isinstance(part, n.Lambda) else ():
                if param.default is not None and _makes_session(world, module.path, None, param.default):
                    yield param, "the lambda", None


# --- classes and functions -------------------------------------------------------------------------------------------


def _at_class_level(cls: Class, world: World) -> Iterator[Binding]:
    for name, stmts in cls.assigned.items():
        stmt = stmts[-1]
        if isinstance(stmt, (n.Assign, n.AnnAssign)) and stmt.value is not None:
            if _makes_session(world, cls.path, None, stmt.value):
                yield Binding(f"{cls.name}.{name}", stmt.pos, "class", None)


def _in_function(function: Function, world: World) -> Iterator[Binding]:
    if world.roles.is_test_code(function):
        return
    if world.roles.is_cached(function):
        summary = world.summary(function)
        if isinstance(summary.returns, Session) and summary.returns.sid.owner == "local":
            yield Binding(function.node.name, function.node.pos, "cached", function.qualname)
    for stmt in statements(function.node.body) if function.cls is not None or function.globals else ():
        if isinstance(stmt, (n.Assign, n.AnnAssign)) and stmt.value is not None:
            how = _shared_target(stmt, function)
            if how is not None and _makes_session(world, function.path, function, stmt.value):
                yield Binding(how[1], stmt.pos, how[0], function.qualname)


def _shared_target(stmt: n.Assign | n.AnnAssign, function: Function) -> tuple[str, str] | None:
    """(how, name) where an assignment in a function binds something that outlives it: a global,
    or a class attribute.
    """
    targets = stmt.targets if isinstance(stmt, n.Assign) else (stmt.target,)
    for target in targets:
        if isinstance(target, n.Name) and target.id in function.globals:
            return "global", target.id
        if isinstance(target, n.Attribute) and isinstance(target.value, n.Name) and function.cls is not None:
            owner = target.value.id
            is_cls = owner == "cls" and bool(function.node.params) and function.node.params[0].name == "cls"
            if owner == function.cls.name or is_cls:
                return "class", f"{function.cls.name}.{target.attr}"
    return None
