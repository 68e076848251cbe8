"""What evaluation asks about everything beyond the function at hand: names, attributes, classes, summaries."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow import configure, frameworks, passing, relevance
from sqla_lint.flow.cleanup import Cleanup
from sqla_lint.flow.context import Context
from sqla_lint.flow.parameters import Parameters
from sqla_lint.flow.state import Cursor, State
from sqla_lint.flow.statics import Statics
from sqla_lint.flow.summary import NOTHING, Summary
from sqla_lint.flow.values import (
    UNKNOWN,
    ClassValue,
    Either,
    Entity,
    Factory,
    FlaskDb,
    FunctionValue,
    Instance,
    ModuleValue,
    Origin,
    Outside,
    Parameter,
    Query,
    Registry,
    Session,
    Settings,
    Sid,
    Value,
)
from sqla_lint.flow.waits import Slowness
from sqla_lint.handover_calls import WORDS as HANDS_OVER
from sqla_lint.index.mapped import Mappings
from sqla_lint.index.module import (
    Class,
    Function,
    Imported,
    ModuleIndex,
    bound_names,
    own_nodes,
    statements,
    walk,
)
from sqla_lint.index.names import Names
from sqla_lint.index.project import (
    Definition,
    External,
    ModuleRef,
    Package,
    Project,
    Variable,
    local_imports,
)
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.config import Settings as Configuration

_BUILTINS = frozenset(dir(builtins))
_MAKES_AND_ENDS = frozenset({"__init__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__call__"})
_SESSION_WORDS = frozenset(
    {"sessionmaker", "scoped_session", "Session", "AsyncSession", "async_sessionmaker", "SQLAlchemy"}
)
# Names so common that finding one in a function's text says nothing.
_COMMON = frozenset(
    {"get", "create", "update", "delete", "run", "main", "all", "add", "__init__", "__call__", "__enter__"}
)
_CACHES = ("functools.lru_cache", "functools.cache", "cachetools.cached", "async_lru.alru_cache")
_FIXTURES = ("pytest.fixture", "pytest_asyncio.fixture", "pytest.yield_fixture")
_SCOPES = frozenset({"contextmanager", "asynccontextmanager"})
# Words without which a function opens no session, and has no handler or finally of its own.
_OPENS = _SESSION_WORDS | {
    "connect",
    "raw_connection",
    "create_engine",
    "create_async_engine",
    "next",
    "__next__",
    "begin",
}
_HANDLES = frozenset({"except", "suppress", "finally", "with", "close", "remove", "aclose", "close_all"})
# A function whose text has none of these words, and calls none that has, does nothing to a session. Words that any
# program uses (``get``, ``add``, ``all``) say nothing by themselves: a method of a class that keeps a session mentions
# where it keeps it.
_WORDS = (
    api.COMMITS | api.ROLLS_BACK | api.CLOSES | api.EVIDENCE
    | {"query", "session", "select", "sessionmaker", "Session", "scoped_session", "begin", "begin_nested", "execute",
       "scalar", "scalars", "flush", "refresh", "merge", "paginate", "bulk_save_objects", "abort", "exit", "engine",
       "create_engine", "create_async_engine", "connect"}
) - {"invalidate"}  # fmt: skip


class World:
    """The project as evaluation sees it.

    *missing* collects functions whose summaries were asked for before they were computed: whoever runs the analysis
    computes them and asks again.
    """

    def __init__(self, project: Project, settings: Configuration) -> None:
        self.project = project
        self.settings = settings
        self.names = Names(project)
        self.mappings = Mappings(self.names, settings.model_bases)
        self.parameters = Parameters(self)
        self.statics = Statics(self)
        self.cleanup = Cleanup(self)
        self.slowness = Slowness(self)
        self.summaries: dict[Function, Summary] = {}
        self.missing: dict[Function, None] = {}
        self._relevant: dict[Function, bool] = {}
        self._directly: dict[Function, bool] = {}
        self._locals: dict[Function, frozenset[str]] = {}
        self._methods: dict[tuple[Class, str], Function | None] = {}
        self._callers: dict[Function, tuple[Function, ...]] = {}

    # --- contexts

    def static_context(self, path: str, function: Function | None) -> Context:
        """A context for order-free evaluation in *function* (or at module level of *path*)."""
        ctx = Context(self, path, function, static=True)
        if function is not None:
            ctx.locals = self.local_names(function)
        return ctx

    def local_names(self, function: Function) -> frozenset[str]:
        """The names that a function binds itself, parameters included; those it declares global are not its own."""
        if function not in self._locals:
            own = {p.name for p in function.node.params} | function.assigned | set(function.nested)
            own |= set(local_imports(function))
            own |= {h.name for h in _handlers(function) if h.name}
            if any(":=" in line for line in function.source[function.node.pos[0] - 1 : function.node.pos[2]]):
                own |= {w.target.id for w in own_nodes(function.node.body) if isinstance(w, n.Walrus)}
            self._locals[function] = frozenset(own - function.globals)
        return self._locals[function]

    def static_local(self, ctx: Context, name: str) -> Value:
        return self.statics.local(ctx.function, name) if ctx.function is not None else UNKNOWN

    # --- names

    def outer_name(self, path: str, function: Function | None, name: str) -> Value:
        """A name that *function* does not bind itself."""
        outer = function.outer if function is not None else None
        while outer is not None:
            if name in self.local_names(outer):
                found = self.statics.local(outer, name)
                if name in outer.nested:
                    return self._nested(outer, name)
                return _as_closure(found, outer, name)
            outer = outer.outer
        found_definition = self.project.lookup(path, name)
        if found_definition is None and name in _BUILTINS and name not in self.project.modules[path].bindings:
            return Outside(f"builtins.{name}")
        return self.definition_value(found_definition)

    def _nested(self, outer: Function, name: str) -> Value:
        node = outer.nested[name]
        for function in self.project.modules[outer.path].functions:
            if function.node is node:
                return FunctionValue(function)
        return UNKNOWN

    def nested_function(self, ctx: Context, node: n.FunctionDef) -> Value:
        """The value of a nested ``def``."""
        for function in self.project.modules[ctx.path].functions:
            if function.node is node:
                return FunctionValue(function)
        return UNKNOWN

    def imported_value(self, path: str, what: Imported) -> Value:
        """What an import inside a function binds."""
        target = self.project.module(path, what.module, what.level)
        if what.name is None:
            return self.definition_value(target) if target is not None else Outside(what.module)
        if target is None:
            return UNKNOWN if what.level else Outside(f"{what.module}.{what.name}")
        return self.definition_value(self.project.member(target, what.name))

    def definition_value(self, what: Definition | None) -> Value:
        if isinstance(what, External):
            return self._configured(what.name) or Outside(what.name)
        if isinstance(what, (ModuleRef, Package)):
            return ModuleValue(what)
        if isinstance(what, Function):
            return self._configured(self.dotted(what)) or self._decorated(what)
        if isinstance(what, Class):
            return ClassValue(what)
        if isinstance(what, Variable):
            return self.statics.variable(what)
        return UNKNOWN

    def _configured(self, dotted: str) -> Value | None:
        """What the configuration says of a name that cannot be inferred."""
        if dotted in self.settings.session_factories:
            return Factory(Settings(expire_on_commit=None))
        if dotted in self.settings.managed_sessions:
            return Registry(Sid("registry", (dotted,)), Settings(expire_on_commit=None, flavour="managed"))
        return None

    def dotted(self, function: Function) -> str:
        stem = function.path.removesuffix(".py").removesuffix("/__init__")
        relative = stem[len(self.project.root) :].strip("/").removeprefix("src/")
        return f"{relative.replace('/', '.')}.{function.qualname}"

    def _decorated(self, function: Function) -> Value:
        return FunctionValue(function)

    # --- classes

    @cached_property
    def reading_names(self) -> frozenset[str]:
        """Attributes of mapped classes whose read may load something: relationships, and methods that mention one."""
        names = self.mappings.relationship_names
        found = set(names)
        for module in self.project.modules.values():
            for cls in module.classes:
                if self.mappings.is_mapped(cls):
                    found.update(name for name, method in cls.methods.items() if method.words & names)
        return frozenset(found)

    def method(self, cls: Class, name: str) -> Function | None:
        """The method *name* of a class, bases in the project included."""
        key = (cls, name)
        if key not in self._methods:
            self._methods[key] = next((c.methods[name] for c in self.names.lineage(cls) if name in c.methods), None)
        return self._methods[key]

    def self_value(self, function: Function) -> Value:
        """What ``self`` (or ``cls``) is in a method."""
        assert function.cls is not None
        if any(isinstance(d, n.Name) and d.id == "classmethod" for d in function.node.decorators):
            return ClassValue(function.cls)
        if self.mappings.is_mapped(function.cls):
            return Parameter("self", cls=function.cls)
        return Instance(function.cls, ("self",))

    def attribute(self, owner: Instance, name: str) -> Value:
        """What ``owner.name`` is, as the function reaches it."""
        return reroot(self.statics.attribute(owner.cls, name), (*owner.path, name))

    def class_attribute(self, cls: Class, name: str) -> Value:
        return self.statics.class_attribute(cls, name)

    def session_class(self, cls: Class) -> Settings | None:
        """The settings of a project class that is a session (a subclass of ``Session``); None for any other."""
        for base in self.names.external_bases(cls):
            meaning = api.meaning(base)
            if meaning in ("session-class", "async-session-class"):
                return configure.of_class(meaning)
        return None

    def is_flask_db_class(self, cls: Class) -> bool:
        """Whether a project class extends Flask-SQLAlchemy's extension class."""
        return any(api.meaning(base) == "flask-sqlalchemy" for base in self.names.external_bases(cls))

    def dataclass_fields(self, cls: Class) -> tuple[str, ...] | None:
        """The fields of a dataclass or named tuple in the order of its constructor; None for any other class."""
        decorated = any("dataclass" in (_name(d), getattr(d, "attr", "")) for d in cls.node.decorators)
        if not decorated and "typing.NamedTuple" not in self.names.external_bases(cls):
            return None
        return tuple(s.target.id for s in cls.node.body if isinstance(s, n.AnnAssign) and isinstance(s.target, n.Name))

    def model_query(self, ctx: Context, cur: Cursor, cls: Class, pos: Pos) -> Value:
        """``Model.query``: Flask-SQLAlchemy's, or a ``query_property()`` of a registry."""
        from sqla_lint.flow import queries

        sid = self._query_registry(cls)
        if sid is not None:
            ctx.sessions.setdefault(sid, Session(sid, Settings(expire_on_commit=None, flavour="flask")))
        return queries.make(ctx, [ClassValue(cls)], pos, sid, wraps=False)

    def _query_registry(self, cls: Class) -> Sid | None:
        for owner in self.names.lineage(cls):
            for base in owner.node.bases:
                if isinstance(base, n.Attribute) and self.names.is_flask_db(owner.path, base.value):
                    db = self.names.definition(owner.path, base.value)
                    if isinstance(db, Variable):
                        return Sid("registry", (db.path, db.name))
        return None

    # --- functions

    def is_route(self, function: Function) -> bool:
        """Whether a web framework (or a chat framework's call) hands the function its request and session."""
        return frameworks.is_route(function, self) or frameworks.is_registered(function, self)

    def is_entry_point(self, function: Function) -> bool:
        """Whether Flask runs the function in an application context of its own."""
        return frameworks.is_entry_point(function, self)

    def is_removed_elsewhere(self, sid: Sid, function: Function) -> bool:
        """Whether a hook of the project removes the registry's session; Flask-SQLAlchemy does it for its own."""
        for db in (sid,) if sid.owner == "registry" else ():
            if len(db.path) == 2 and self._is_flask(db.path):
                return True
        return frameworks.is_removed_elsewhere(sid, function, self)

    def registry_session(self, sid: Sid) -> Session:
        """The session of a registry that was reached through other functions only."""
        flask = len(sid.path) == 2 and self._is_flask(sid.path)
        return Session(sid, Settings(expire_on_commit=None, flavour="flask" if flask else "plain"))

    def _is_flask(self, path: tuple[str, ...]) -> bool:
        found = self.project.lookup(path[0], path[1]) if path[0] in self.project.modules else None
        return isinstance(found, Variable) and isinstance(self.statics.variable(found), FlaskDb)

    def is_context_manager(self, function: Function) -> bool:
        """Whether a generator function is made a context manager by a decorator."""
        for decorator in function.node.decorators:
            func = decorator.func if isinstance(decorator, n.Call) else decorator
            name = func.attr if isinstance(func, n.Attribute) else getattr(func, "id", None)
            if name in _SCOPES:
                return True
        return False

    def is_fixture(self, function: Function) -> bool:
        """Whether pytest calls the function as a fixture."""
        return any(self.names.dotted(function.path, d) in _FIXTURES for d in function.node.decorators)

    def is_test_code(self, function: Function) -> bool:
        """Whether the function is a test's: in a test file, a pytest fixture, or a method of a ``TestCase``."""
        if self.project.is_test(function.path) or self.is_fixture(function):
            return True
        cls = function.cls
        return cls is not None and any(base.endswith("TestCase") for base in self.names.external_bases(cls))

    def is_cached(self, function: Function) -> bool:
        """Whether a cache stands before the function: what it returns is shared, and nobody's to close."""
        return any(self.names.dotted(function.path, d) in _CACHES for d in function.node.decorators)

    def is_test_function(self, function: Function) -> bool:
        return function.node.name.startswith("test") and self.project.is_test(function.path)

    def is_cheaply_irrelevant(self, function: Function) -> bool:
        """Whether the function's text has no word that could matter to a session."""
        return not (function.words & _WORDS)

    def callers(self, function: Function) -> tuple[Function, ...]:
        """Functions whose text mentions this one's name: all its callers are among them."""
        if function not in self._callers:
            name = function.cls.name if function.node.name == "__init__" and function.cls else function.node.name
            found = [f for f in self.project.functions_by_word.get(name, ()) if f is not function]
            self._callers[function] = tuple(found[:200])
        return self._callers[function]

    def argument(self, caller: Function, call: n.Call, callee: Function, name: str) -> Value:
        """What *caller* hands *callee* as parameter *name*, whatever the order of statements;
        UNKNOWN if it is another function.
        """
        from sqla_lint.flow import calls
        from sqla_lint.flow.evaluate import expr

        ctx = self.static_context(caller.path, caller)
        cur = Cursor(State({}, {}), None)
        func = expr(ctx, cur, call.func)
        receiver: Value | None = None
        if isinstance(func, FunctionValue) and func.function is callee:
            receiver = func.receiver
        elif isinstance(func, ClassValue) and self.method(func.cls, "__init__") is callee:
            receiver = Instance(func.cls)
        else:
            return UNKNOWN
        args = [expr(ctx, cur, a) for a in call.args]
        kwargs = {k.name: expr(ctx, cur, k.value) for k in call.keywords if k.name is not None}
        return calls.bind(ctx, callee, receiver, args, kwargs).get(name, UNKNOWN)

    def is_relevant(self, function: Function) -> bool:
        """Whether the function may matter to sessions or rows.

        Its text mentions what these are asked for, or it is so short that it may stand for another (a factory), or may
        never return; what makes and ends an object matters if anything in its class does.
        """
        if function not in self._relevant:
            self._relevant[function] = self._is_relevant(function)
        return self._relevant[function]

    def _is_relevant(self, function: Function) -> bool:
        return self._is_directly_relevant(function) or bool(function.words & self.relevant_names)

    @cached_property
    def relevant_names(self) -> frozenset[str]:
        """Names of functions that matter themselves, or that mention one that does."""
        names: set[str] = set()
        pending = [f for f in self.project.functions if f.node.name not in _COMMON]
        grown = True
        while grown:
            kept = [f for f in pending if not (self._is_directly_relevant(f) or f.words & names)]
            found = {f.node.name for f in pending} - {f.node.name for f in kept}
            grown = not found <= names
            names |= found
            pending = kept
        return frozenset(names - _COMMON)

    @cached_property
    def committers(self) -> frozenset[str]:
        """Names of functions that commit, or that mention such a function."""
        return relevance.mentioning(self.project, api.COMMITS, _COMMON, 3)

    @cached_property
    def readers(self) -> frozenset[str]:
        """Names of functions that mention a relationship, or that mention such a function."""
        return relevance.mentioning(self.project, self.reading_names, _COMMON, 3) - _COMMON

    def may_report(self, function: Function) -> bool:
        """Whether a finding can stand in the function: it opens a session, loops over rows,
        handles what others raise, ends a transaction, or is a coroutine that asks a session for something.
        """
        words = function.words
        if function.body_words & _OPENS or function.body_words & self.session_names:
            return True
        if relevance.ends_or_asks(function, self.committers) and self.is_relevant(function):
            return True
        if words & (self.reading_names | self.readers) and passing.repeats(function):
            return True
        if passing.counts_or_indexes(function) and self.is_relevant(function):
            return True
        return (bool(words & (_HANDLES | HANDS_OVER)) or self.slowness.may_hold_up(function)) and self.is_relevant(
            function
        )

    def _is_directly_relevant(self, function: Function) -> bool:
        if function not in self._directly:
            self._directly[function] = self._concerns_sessions(function)
        return self._directly[function]

    def _concerns_sessions(self, function: Function) -> bool:
        words, body = function.words, function.node.body
        if words & _WORDS or words & self.mappings.relationship_names:
            return True
        if len(body) <= 2 and ("return" in words or "yield" in words) or (body and isinstance(body[-1], n.Raise)):
            return True
        if function.cls is not None and function.node.name in _MAKES_AND_ENDS:
            return any(other.words & _WORDS for other in function.cls.methods.values())
        return bool(words & self.session_names) or any("session" in word.lower() for word in words)

    @cached_property
    def session_names(self) -> frozenset[str]:
        """Names that lead to a session: variables, functions and classes that mention a session class,
        or one another.
        """
        names = set(_SESSION_WORDS)
        grown = True
        while grown:
            before = len(names)
            for module in self.project.modules.values():
                if module.words & names:
                    self._grow(module, names)
            grown = len(names) > before
        return frozenset(names - _SESSION_WORDS)

    def leading_names(self, function: Function) -> frozenset[str]:
        """The function's parameters and variables that may hold a session."""
        names = self.session_names | _SESSION_WORDS
        given = {p.name for p in function.node.params if "session" in p.name.lower() or p.default is not None}
        return frozenset(_leading(function, names) | given)

    @staticmethod
    def _grow(module: ModuleIndex, names: set[str]) -> None:
        for name, bound in module.bindings.items():
            value = getattr(bound[-1], "value", None)
            if name not in names and isinstance(value, n.Call):
                if any(
                    isinstance(p, (n.Name, n.Attribute)) and (getattr(p, "id", None) or p[-1]) in names
                    for p in walk(value)
                ):
                    names.add(name)
        for function in module.functions:
            if (
                function.body_words & names
                and function.node.name not in _COMMON | names
                and _hands_out(function, names)
            ):
                names.add(function.node.name)
        for cls in module.classes:
            init = cls.methods.get("__init__")
            for stmt in statements(init.node.body) if init is not None else ():
                target = stmt.targets[0] if isinstance(stmt, n.Assign) else None
                if not isinstance(target, n.Attribute) or not isinstance(stmt, n.Assign):
                    continue
                given = isinstance(stmt.value, n.Name) and "session" in stmt.value.id.lower()
                if given or _mentions(stmt.value, names):
                    names.add(target.attr)
            inherits = any(isinstance(base, n.Name) and base.id in names for base in cls.node.bases)
            if inherits or (init is not None and init.words & names):
                names.add(cls.name)

    def runs_anything(self, module: ModuleIndex) -> bool:
        """Whether a file's own statements do more than define: only then is its body looked at."""
        return bool(module.words & _WORDS) and any(
            isinstance(s, (n.For, n.While, n.Try, n.With)) or isinstance(s, n.ExprStmt) and isinstance(s.value, n.Call)
            for s in statements(module.node.body)
        )

    def summary(self, function: Function, given_session: bool = False) -> Summary:
        """What calling *function* does. Asked for too early, it is noted as missing and nothing is assumed of it.

        A function that mentions nothing of interest is not looked into, unless it is handed a session: it may keep it.
        """
        found = self.summaries.get(function)
        if found is None and not given_session and not self.is_relevant(function):
            return NOTHING
        if found is None:
            self.missing[function] = None
            return NOTHING
        return found


def _hands_out(function: Function, names: set[str]) -> bool:
    """Whether what a function returns or yields mentions one of *names*, directly or through a variable."""
    leading = _leading(function, names)
    returned = [s.value for s in statements(function.node.body) if isinstance(s, n.Return)]
    if "yield" in function.words:
        returned += [e.value for e in own_nodes(function.node.body) if isinstance(e, n.Yield)]
    return any(value is not None and _mentions(value, names, leading) for value in returned)


def _leading(function: Function, names: Collection[str]) -> set[str]:
    """The function's variables that are assigned from something that mentions one of *names*."""
    leading: set[str] = set()
    names = function.body_words.intersection(names)
    if not names:
        return leading
    for stmt in statements(function.node.body):
        value = getattr(stmt, "value", None)
        mentioned: list[n.Expr] = [item.context for item in stmt.items] if isinstance(stmt, n.With) else []
        if isinstance(stmt, (n.Assign, n.AnnAssign)) and value is not None:
            mentioned = [value]
        if any(_mentions(part, names, leading) for part in mentioned):
            leading |= set(bound_names(stmt))
    return leading


def _mentions(value: n.Expr, *names: Collection[str]) -> bool:
    for part in own_nodes(value):
        name = part.id if isinstance(part, n.Name) else getattr(part, "attr", "")
        if any(name in some for some in names):
            return True
    return False


def _handlers(function: Function) -> Iterable[n.Handler]:
    if "except" not in function.words:
        return ()
    return (h for stmt in statements(function.node.body) if isinstance(stmt, n.Try) for h in stmt.handlers)


def _name(expr: n.Expr) -> str:
    if isinstance(expr, n.Call):
        expr = expr.func
    return expr.attr if isinstance(expr, n.Attribute) else getattr(expr, "id", "")


def reroot(value: Value, path: tuple[str, ...]) -> Value:
    """What an object's attribute holds, as whoever reaches it by *path* knows it."""
    if isinstance(value, Session):
        owner = {"local": "instance", "instance": "instance"}.get(value.sid.owner)
        if owner is None and value.sid.owner not in ("parameter", "injected", "held"):
            return value
        return value._replace(sid=Sid(owner or "held", path))
    if isinstance(value, Either):
        return reroot(value.made, path)
    if isinstance(value, Instance):
        return value._replace(path=path, held=tuple((name, reroot(item, (*path, name))) for name, item in value.held))
    if isinstance(value, (Parameter, Entity)):
        # What was stored long ago: its rows may have been loaded since.
        return UNKNOWN
    if isinstance(value, Query):
        return value._replace(origin=Origin(value.origin.path, value.origin.pos, certain=False))
    return value


def _as_closure(value: Value, outer: Function, name: str) -> Value:
    if isinstance(value, Session) and value.sid.owner in ("local", "kept"):
        return value._replace(sid=Sid("closure", (outer.path, f"{outer.qualname}.{name}")))
    if isinstance(value, (Parameter, Entity)):
        return UNKNOWN
    return value


__all__ = ["FlaskDb", "World", "reroot"]
