"""What evaluation asks about everything beyond the function at hand: names, attributes, classes, summaries."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import frameworks, free_names
from sqla_lint.flow.evaluation.elsewhere import as_closure, reroot
from sqla_lint.flow.evaluation.mixins import Mixins
from sqla_lint.flow.evaluation.parameters import Parameters
from sqla_lint.flow.evaluation.request_globals import RequestGlobals
from sqla_lint.flow.evaluation.roles import Roles
from sqla_lint.flow.evaluation.statics import Statics
from sqla_lint.flow.lifetimes.cleanup import Cleanup
from sqla_lint.flow.lifetimes.waits import Slowness
from sqla_lint.flow.terms import configure
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.session_values import Factory, FlaskDb, Registry, Session, Settings
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.summary import NOTHING, Summary
from sqla_lint.flow.terms.values import (
    NONE,
    UNKNOWN,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleValue,
    Outside,
    Parameter,
)
from sqla_lint.flow.words.filling import filling
from sqla_lint.flow.words.relevance import Relevance
from sqla_lint.index.added_methods import AddedMethods
from sqla_lint.index.columns import Columns
from sqla_lint.index.mapped import Mappings
from sqla_lint.index.module import Class, Function, Imported, own_nodes, statements
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
from sqla_lint.index.serializers import Serializers
from sqla_lint.index.shapes import Field
from sqla_lint.jinja_files import NONE as NO_TEMPLATES
from sqla_lint.jinja_files import Templates
from sqla_lint.lower import nodes as n
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.config import Settings as Configuration

_BUILTINS = frozenset(dir(builtins))
_SESSION_ENDS = ("close", "__exit__", "__aexit__", "aclose", "flush", "execute", "add")


class World(Relevance):
    """The project as evaluation sees it.

    *missing* collects functions whose summaries were asked for before they were computed: whoever runs the analysis
    computes them and asks again. *asked_early* counts that, *unsettled* cycles included: what rests on it is not kept.
    """

    def __init__(self, project: Project, settings: Configuration, templates: Templates = NO_TEMPLATES) -> None:
        super().__init__()
        self.templates = templates
        self.project = project
        self.settings = settings
        self.names = Names(project)
        self.mappings = Mappings(self.names, settings.model_bases)
        self.columns = Columns(self.mappings)
        self.added_methods = AddedMethods(self.mappings.classes)
        self.serializers = Serializers(self.names, self.mappings)
        self.parameters = Parameters(self)
        self.statics = Statics(self)
        self.cleanup = Cleanup(self)
        self.slowness = Slowness(self)
        self.mixins = Mixins(self)
        self.roles = Roles(self)
        self.request_globals = RequestGlobals(self)
        self.summaries: dict[Function, Summary] = {}
        self._kept: dict[tuple[Class, str], bool] = {}
        self._lambdas: dict[tuple[str, Pos], Function] = {}
        self.variants: dict[Function, dict[tuple[object, ...], Function]] = {}
        self.changes: dict[Function, tuple[tuple[str, bool], ...]] = {}
        self.missing: dict[Function, None] = {}
        self.unsettled: frozenset[Function] = frozenset()
        self.asked_early = 0
        # What codemods worked out for one query: many findings may need the same change.
        self.plans: dict[object, Any] = {}
        # The mapped classes of which the objects of a class keep rows.
        self.kept_by: dict[Class, frozenset[Class]] = {}
        self._names_sessions = bool(settings.session_factories or settings.session_scopes or settings.managed_sessions)
        self._locals: dict[Function, frozenset[str]] = {}
        self._methods: dict[tuple[Class, str], Function | None] = {}

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
                    return self.nested_function(outer.path, outer.nested[name])
                handed_in = free_names.of_outer(self, function, name, found) if function is not None else None
                return handed_in if handed_in is not None else as_closure(found, outer, name)
            outer = outer.outer
        found_definition = self.project.lookup(path, name)
        if found_definition is None and name in _BUILTINS and name not in self.project.modules[path].bindings:
            return Outside(f"builtins.{name}")
        return self.definition_value(found_definition)

    def nested_function(self, path: str, node: n.FunctionDef) -> Value:
        """The value of a nested ``def``."""
        found = (function for function in self.project.modules[path].functions if function.node is node)
        return next(map(FunctionValue, found), UNKNOWN)

    def nested_class(self, ctx: Context, node: n.ClassDef) -> Value:
        """The value of a class within a function."""
        found = (cls for cls in self.project.modules[ctx.path].classes if cls.node is node)
        return next(map(ClassValue, found), UNKNOWN)

    def imported_value(self, path: str, what: Imported) -> Value:
        """What an import inside a function binds."""
        target = self.project.module(path, what.module, what.level)
        if what.name is None:
            return self.definition_value(target) if target is not None else Outside(what.module)
        if target is None:
            return UNKNOWN if what.level else Outside(f"{what.module}.{what.name}")
        return self.definition_value(self.project.member(target, what.name))

    def definition_value(self, what: Definition | None) -> Value:
        if self._names_sessions and (named := self._configured(what)) is not None:
            return named
        if isinstance(what, External):
            return Outside(what.name)
        if isinstance(what, (ModuleRef, Package)):
            return ModuleValue(what)
        if isinstance(what, Function):
            return FunctionValue(what)
        if isinstance(what, Class):
            return ClassValue(what)
        if isinstance(what, Variable):
            return self.statics.variable(what)
        return UNKNOWN

    def _configured(self, what: Definition | None) -> Value | None:
        """What the configuration says of a name that cannot be inferred."""
        if not isinstance(what, (External, Function, Class, Variable)):
            return None
        dotted = what.name if isinstance(what, External) else self.dotted(what)
        if dotted in self.settings.session_factories:
            return Factory(Settings(expire_on_commit=None))
        if dotted in self.settings.managed_sessions:
            return Registry(Sid("registry", (dotted,)), Settings(expire_on_commit=None, flavour="managed"))
        return Outside(dotted) if self.is_session_scope(dotted) else None

    def is_session_scope(self, dotted: str) -> bool:
        """Whether the configuration says of a name that it gives a session in a ``with``, and closes it."""
        return dotted in self.settings.session_scopes

    def dotted(self, what: Function | Class | Variable) -> str:
        """The dotted name by which the configuration knows what the project defines."""
        stem = what.path.removesuffix(".py").removesuffix("/__init__")
        relative = stem[len(self.project.root) :].strip("/").removeprefix("src/")
        name = what.name if isinstance(what, Variable) else what.qualname
        return f"{relative.replace('/', '.')}.{name}"

    def function_of(self, node: n.Lambda, field: Field, cls: Class) -> Function:
        """A lambda that a field calls, as a function of its own: its reads are told as that function's."""
        key = (field.file, node.pos)
        if key not in self._lambdas:
            body = (n.Return(node.body.pos, node.body),)
            made = n.FunctionDef(node.pos, f"{cls.name}.{field.name}", node.params, body, (), None, False)
            source = self.project.modules[field.file].source
            self._lambdas[key] = Function(field.file, made.name, made, None, None, source)
        return self._lambdas[key]

    # --- classes

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
        found = reroot(self.statics.attribute(owner.cls, name), (*owner.path, name))
        if found in (UNKNOWN, NONE) and owner.path == ("self",) and self.keeps_argument(owner.cls, name):
            return Parameter("self", (name,))
        return found

    def keeps_argument(self, cls: Class, name: str) -> bool:
        """Whether an attribute is what the constructor was given, as it came."""
        key = (cls, name)
        if key not in self._kept:
            stored = next((s for c in self.names.lineage(cls) if (s := self.statics.stores(c).get(name))), ())
            kept = bool(stored) and all(
                function.node.name == "__init__"
                and isinstance(value, n.Name)
                and any(param.name == value.id for param in function.node.params)
                for function, _, value in stored
            )
            self._kept[key] = kept or (not stored and name in (self.dataclass_fields(cls) or ()))
        return self._kept[key]

    def class_attribute(self, cls: Class, name: str) -> Value:
        return self.statics.class_attribute(cls, name)

    def session_class(self, cls: Class) -> Settings | None:
        """The settings of a project class that is a session (a subclass of ``Session``); None for any other."""
        for base in self.names.external_bases(cls):
            meaning = api.meaning(base)
            if meaning in ("session-class", "async-session-class"):
                settings = configure.of_class(meaning)._replace(commits=configure.commits_at_exit(cls))
                # What an ``__init__`` of the project's own hands on is not followed.
                if any(self._may_commit(cls, name) for name in _SESSION_ENDS):
                    settings = settings._replace(autocommit=True)
                return configure.vague(settings) if self.method(cls, "__init__") is not None else settings
        return None

    def _may_commit(self, cls: Class, name: str) -> bool:
        """Whether a session class of the project has a method *name* that mentions a commit."""
        method = self.method(cls, name)
        return method is not None and "commit" in method.words

    def is_flask_db_class(self, cls: Class) -> bool:
        """Whether a project class extends Flask-SQLAlchemy's extension class."""
        return any(api.meaning(base) == "flask-sqlalchemy" for base in self.names.external_bases(cls))

    def dataclass_fields(self, cls: Class) -> tuple[str, ...] | None:
        """The fields of a dataclass or named tuple in the order of its constructor; None for any other class."""
        decorated = any(n.called_name(d) == "dataclass" for d in cls.node.decorators)
        if not decorated and "typing.NamedTuple" not in self.names.external_bases(cls):
            return None
        return tuple(s.target.id for s in cls.node.body if isinstance(s, n.AnnAssign) and isinstance(s.target, n.Name))

    def is_mapped_dataclass(self, cls: Class) -> bool:
        """Whether SQLAlchemy writes the constructor of a mapped class, which fills in its relationships."""
        decorated = any("dataclass" in n.called_name(d) for c in self.names.lineage(cls) for d in c.node.decorators)
        return decorated or any(base.endswith("MappedAsDataclass") for base in self.names.external_bases(cls))

    # --- functions

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

    def argument(self, caller: Function, call: n.Call, callee: Function, name: str) -> Value:
        """What *caller* hands *callee* as parameter *name*, whatever the order of statements;
        UNKNOWN if it is another function.
        """
        from sqla_lint.flow.evaluation.evaluate import expr
        from sqla_lint.flow.terms import binding

        ctx = self.static_context(caller.path, caller)
        cur = Cursor(State({}, {}), None)
        func = expr(ctx, cur, call.func)
        receiver: Value | None = None
        if isinstance(func, FunctionValue) and (
            func.function is callee or callee in filling(self.names, func.function)
        ):
            receiver = func.receiver
        elif isinstance(func, ClassValue) and self.method(func.cls, "__init__") is callee:
            receiver = Instance(func.cls)
        else:
            return UNKNOWN
        args = [expr(ctx, cur, a) for a in call.args]
        kwargs = {k.name: expr(ctx, cur, k.value) for k in call.keywords if k.name is not None}
        return binding.bind(callee, receiver, args, kwargs).get(name, UNKNOWN)

    def summary(self, function: Function, given_session: bool = False) -> Summary:
        """What calling *function* does. Asked for too early, it is noted as missing and nothing is assumed of it.

        A function that mentions nothing of interest is not looked into, unless it is handed a session: it may keep it.
        """
        found = self.summaries.get(function)
        if found is None and not given_session and not self.is_relevant(function):
            return NOTHING
        if found is None:
            self.missing[function] = None
        self.asked_early += found is None or function in self.unsettled
        return found or NOTHING


def _handlers(function: Function) -> Iterable[n.Handler]:
    if "except" not in function.words:
        return ()
    return (h for stmt in statements(function.node.body) if isinstance(stmt, n.Try) for h in stmt.handlers)
