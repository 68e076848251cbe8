"""Engines that a function makes: what becomes of each, whatever the order of statements.

An engine is followed through the names that hold it, and so is what was made over it: a ``factory`` keeps the engine
wherever it goes, a ``session`` (or connection) does not, since nobody who has one disposes of the pool behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.session_values import Factory
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import ClassValue, FunctionValue
from sqla_lint.index.module import Function, names_in, parts, walk
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

ENGINES = frozenset({"create-engine", "create-async-engine"})
_FACTORIES = frozenset({"sessionmaker", "async-sessionmaker", "scoped-session", "async-scoped-session"})
_SESSIONS = frozenset({"session-class", "async-session-class"})
# Methods, of whatever object, that use the engine they are given and forget it.
_FORGETS = frozenset(
    {"create_all", "drop_all", "reflect", "prepare", "read_sql", "read_sql_query", "read_sql_table", "to_sql"}
)
_LOOKS = frozenset({"print", "len", "isinstance", "str", "repr", "id", "type", "bool", "hasattr", "getattr", "vars"})
_LOGS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
_ENTERS = frozenset({"closing", "aclosing", "enter_context", "enter_async_context", "nullcontext"})
_MAX_HOPS = 4


class Outcome(NamedTuple):
    """What a function does with an engine: *kept* if it stores, disposes of or hands it on for good; *given* are the
    kinds of things over it that it returns or yields.
    """

    kept: bool
    given: frozenset[str]


_WORDS = frozenset({"create_engine", "create_async_engine", "engine_from_config", "async_engine_from_config"})
KEPT = Outcome(True, frozenset())


def engines(function: Function, world: World) -> list[n.Call]:
    """The calls in a function's own body that make an engine."""
    if not world.project.modules[function.path].words & _WORDS:
        return []
    return [
        node
        for calls in function.calls.values()
        for node in calls
        if world.names.meaning(function.path, node.func) in ENGINES
    ]


def outcome(function: Function, made: n.Call, world: World) -> Outcome:
    """What becomes of the engine that *made* makes in *function*."""
    tracker = _Tracker(function, world, _MAX_HOPS)
    tracker.use(made, "engine")
    return tracker.finish()


def name_of(function: Function, made: n.Call) -> str:
    """The variable that holds the engine, for messages."""
    for node in walk(function.node.body):
        if isinstance(node, n.Assign) and node.value is made and isinstance(node.targets[0], n.Name):
            return node.targets[0].id
    return "this engine"


class _Tracker:
    """One engine in one function: names are looked at until nothing new holds it, or it is kept."""

    def __init__(self, function: Function, world: World, hops: int) -> None:
        self.function = function
        self.world = world
        self.hops = hops
        self.kept = False
        self.given: set[str] = set()
        self.pending: list[tuple[str, str]] = []
        self.seen: set[tuple[str, str]] = set()
        self.parents: dict[int, Any] = {}
        self.loads: dict[str, list[n.Name]] = {}
        self.nested: list[n.FunctionDef | n.Lambda | n.ClassDef] = []
        self._read(function.node.body)

    def _read(self, node: Any) -> None:
        stack = [node]
        while stack:
            item = stack.pop()
            for part in parts(item):
                self.parents[id(part)] = item
                if isinstance(part, n.Name):
                    self.loads.setdefault(part.id, []).append(part)
                if isinstance(part, (n.FunctionDef, n.Lambda, n.ClassDef)):
                    self.nested.append(part)
                    stack += list(getattr(part, "decorators", ()))
                    self.parents.update((id(d), part) for d in getattr(part, "decorators", ()))
                else:
                    stack.append(part)

    def finish(self) -> Outcome:
        """Follow all names that hold something; then what has become of it is known."""
        while self.pending and not self.kept:
            name, role = self.pending.pop()
            if role != "session" and any(name in names_in(_body(inner)) for inner in self.nested):
                self.kept = True
            for load in self.loads.get(name, ()):
                if not self._is_target(load):
                    self.use(load, role)
        return KEPT if self.kept else Outcome(False, frozenset(self.given))

    def _is_target(self, name: n.Name) -> bool:
        parent = self.parents.get(id(name))
        if isinstance(parent, n.Assign):
            return parent.value is not name
        return isinstance(parent, (n.AnnAssign, n.For, n.WithItem)) and getattr(parent, "target", None) is name

    def hold(self, target: Any, role: str) -> None:
        """*target* is bound to something over the engine."""
        if isinstance(target, n.Sequence):
            for item in target.items:
                self.hold(item, role)
        elif isinstance(target, n.Name):
            if target.id in _shared(self.function):
                self.kept = True
            elif (target.id, role) not in self.seen:
                self.seen.add((target.id, role))
                self.pending.append((target.id, role))
        elif target is not None:
            self.kept = True

    def use(self, node: Any, role: str) -> None:
        """What is done with *node*, which holds something over the engine."""
        parent = self.parents.get(id(node))
        if self._is_bound(node, parent, role):
            return
        if isinstance(parent, (n.Return, n.Yield)):
            self.given.add(role)
        elif isinstance(parent, n.Attribute):
            self._attribute(parent, role)
        elif isinstance(parent, n.Call) and parent.func is node:
            if role == "factory":
                self.use(parent, "session")
        elif isinstance(parent, (n.Call, n.Keyword)):
            self._passed(node, parent, role)
        elif _goes_through(parent, node):
            self.use(parent, role)

    def _is_bound(self, node: Any, parent: Any, role: str) -> bool:
        """Whether *node* is bound to a name, or to a part of something that outlives the function."""
        targets = _targets(parent, node)
        for target in targets:
            self.hold(target, role)
        return bool(targets) and not isinstance(parent, n.Walrus)

    def _attribute(self, node: n.Attribute, role: str) -> None:
        if node.attr == "dispose":
            self.kept = True
            return
        parent = self.parents.get(id(node))
        called = isinstance(parent, n.Call) and parent.func is node
        becomes = _BECOMES.get((role, node.attr))
        if becomes is not None:
            self.use(parent if called else node, becomes)
        elif role != "session" and not called and node.attr not in ("url", "dialect", "name", "driver", "echo", "pool"):
            # A bound method, or something that is not known, may keep it.
            self.kept = True

    # --- arguments

    def _passed(self, node: Any, parent: Any, role: str) -> None:
        call = self.parents.get(id(parent)) if isinstance(parent, n.Keyword) else parent
        if not isinstance(call, n.Call):
            self.kept = True
            return
        names, path = self.world.names, self.function.path
        meaning = names.meaning(path, call.func)
        last = n.last_part(call.func)
        if meaning in _FACTORIES:
            self.use(call, "factory")
        elif meaning in _SESSIONS:
            self.use(call, "session")
        elif last in _ENTERS:
            self.use(call, role)
        elif (names.dotted(path, call.func) or "").startswith("sqlalchemy.") or last in _FORGETS | _LOOKS | _LOGS:
            return
        else:
            self._handed(call, node, parent.name if isinstance(parent, n.Keyword) else None, role)

    def _handed(self, call: n.Call, node: Any, keyword: str | None, role: str) -> None:
        """It is handed to something of the project, or to something that is not known."""
        func = self._value(call.func)
        settings = self.world.session_class(func.cls) if isinstance(func, ClassValue) else None
        if isinstance(func, Factory) or settings is not None:
            self.use(call, "session")
            return
        callee, skipped = self._callee(func)
        if callee is None:
            self.kept = self.kept or role != "session" or isinstance(func, ClassValue)
            return
        name = _parameter(callee, call, node, keyword, skipped)
        if name is None or not self.hops:
            self.kept = self.kept or role != "session"
            return
        inner = _Tracker(callee, self.world, self.hops - 1)
        inner.hold(n.Name(call.pos, name), role)
        found = inner.finish()
        self.kept = self.kept or found.kept
        for given in found.given:
            self.use(call, given)

    def _value(self, func: n.Expr) -> Value:
        from sqla_lint.flow.evaluation.evaluate import expr

        ctx = self.world.static_context(self.function.path, self.function)
        return expr(ctx, Cursor(State({}, {}), None), func)

    def _callee(self, func: Value) -> tuple[Function | None, int]:
        """The function that runs, and how many of its parameters are not given by the call."""
        if isinstance(func, FunctionValue):
            return func.function, int(func.receiver is not None)
        if isinstance(func, ClassValue):
            return self.world.method(func.cls, "__init__"), 1
        return None, 0


# What an attribute, or a call of it, gives: a connection is as good as a session here.
_BECOMES = {
    ("engine", "connect"): "session",
    ("engine", "begin"): "session",
    ("engine", "raw_connection"): "session",
    ("engine", "execution_options"): "engine",
    ("engine", "sync_engine"): "engine",
    ("factory", "begin"): "session",
    ("session", "get_bind"): "engine",
    ("session", "bind"): "engine",
    ("session", "engine"): "engine",
}


def _targets(parent: object, node: object) -> tuple[object, ...]:
    """What *parent* binds *node* to."""
    if isinstance(parent, n.Assign):
        return parent.targets if parent.value is node else ()
    if isinstance(parent, (n.For, n.Generator)):
        return (parent.target,) if parent.iter is node else ()
    return (parent.target,) if isinstance(parent, (n.AnnAssign, n.Walrus, n.WithItem)) else ()


def _goes_through(parent: object, node: object) -> bool:
    """Whether what holds *node* is worth as much."""
    if isinstance(parent, n.IfExp):
        return parent.test is not node
    if isinstance(parent, n.Subscript):
        return parent.value is node
    return isinstance(parent, (n.Await, n.Starred, n.Sequence, n.Dict, n.BoolOp, n.Comprehension, n.Walrus))


def _body(inner: n.FunctionDef | n.Lambda | n.ClassDef) -> object:
    return inner.body


def _shared(function: Function) -> frozenset[str]:
    """Names that the function binds for others: ``global`` and ``nonlocal``."""
    scopes = [s for s in walk(function.node.body) if isinstance(s, n.Scope)] if _declares(function) else []
    return frozenset(name for scope in scopes for name in scope.names)


def _declares(function: Function) -> bool:
    return bool(function.words & {"global", "nonlocal"})


def _parameter(callee: Function, call: n.Call, node: Any, keyword: str | None, skipped: int) -> str | None:
    """The parameter that takes an argument; None where it cannot be told."""
    if keyword is not None:
        return keyword if any(p.name == keyword and p.kind != "kwarg" for p in callee.node.params) else None
    if any(isinstance(arg, n.Starred) for arg in call.args):
        return None
    positional = [p.name for p in callee.node.params if p.kind in ("pos", "normal")][skipped:]
    index = next((i for i, arg in enumerate(call.args) if arg is node), None)
    return positional[index] if index is not None and index < len(positional) else None


__all__ = ["ENGINES", "Outcome", "engines", "name_of", "outcome"]
