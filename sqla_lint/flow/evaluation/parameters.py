"""What a function is handed: annotations, defaults, and the evidence that an unannotated parameter is a session.

A name alone proves nothing. A parameter counts as a session where calls on it exist that only a SQLAlchemy session has,
where a mapped class or a ``select`` is passed to it, or where a caller hands a session in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from sqla_lint import handover_calls, slow_calls
from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation import dependencies
from sqla_lint.flow.solver import variants
from sqla_lint.flow.terms import configure
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.row_values import Many
from sqla_lint.flow.terms.session_values import Connection, Engine, Factory, FlaskDb, Registry, Session, Settings
from sqla_lint.flow.terms.values import AT_ANY, UNKNOWN, Instance, Mapping, Outside, Parameter
from sqla_lint.index import marshmallow_schemas
from sqla_lint.index.annotations import unquote
from sqla_lint.index.module import Class, Function
from sqla_lint.index.project import External, Variable
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

_MANY = frozenset(
    {"list", "List", "Sequence", "Iterable", "Iterator", "Collection", "set", "Set", "tuple", "Tuple", "frozenset",
     "Generator", "AsyncIterator", "AsyncGenerator", "deque", "Page", "AsyncIterable"}
)  # fmt: skip
_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "defaultdict", "DefaultDict", "MutableMapping", "OrderedDict"})
_YIELDING = frozenset({"Generator", "AsyncGenerator", "Iterator", "AsyncIterator", "Iterable", "AsyncIterable"})
_WRAPPERS = frozenset({"Optional", "Annotated", "Union", "Required", "Final", "ClassVar", "Awaitable", "Coroutine"})
_ASKED = api.ORDINARY | api.EVIDENCE | api.STATEMENTS | {"begin", "exec"}


class Parameters:
    """The values of functions' parameters; answers are cached, and pure functions of the project."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._values: dict[tuple[Function, str], Value] = {}
        self._busy: set[tuple[Function, str]] = set()

    def value(self, function: Function, param: n.Param) -> Value:
        """What is known of a parameter when the function begins."""
        key = (function, param.name)
        if key in self._values:
            return self._values[key]
        if key in self._busy:
            return Parameter(param.name)
        self._busy.add(key)
        early = self.world.asked_early
        found = self._compute(function, param)
        if function.given:
            found = variants.parameter(function, param.name, found)
        self._busy.discard(key)
        if self.world.asked_early == early:
            self._values[key] = found
        return found

    def _compute(self, function: Function, param: n.Param) -> Value:
        if is_receiver(function, param):
            return self.world.self_value(function)
        if param.kind in ("vararg", "kwarg"):
            return UNKNOWN
        sid = Sid("injected" if self._is_injected(function, param) else "parameter", (param.name,))
        if param.annotation is not None:
            found = self.annotation(function.path, param.annotation, Parameter(param.name), sid)
            if found is not None:
                return found
        if param.name in self.world.settings.session_parameters:
            return Session(sid, Settings())
        found = self._from_depends(function, param, sid)
        if found is not None:
            return found
        if function.cls is not None and function.node.params[1:2] == (param,):
            row = marshmallow_schemas.row_class(self.world.serializers, function)
            if row is not None:
                return Parameter(param.name, cls=row)
        if param.annotation is None and self._is_session(function, param.name):
            return Session(sid, Settings(is_async=self._is_async(function, param.name), expire_on_commit=None))
        return Parameter(param.name)

    # --- annotations

    def annotation(self, path: str, annotation: n.Expr, root: Parameter, sid: Sid, hops: int = 6) -> Value | None:
        """The value that an annotation promises; None where it says nothing that matters here."""
        annotation = unquote(annotation)
        if not hops:
            return None
        if isinstance(annotation, n.BinOp) and annotation.op == "|":
            return self._either(path, (annotation.left, annotation.right), root, sid, hops)
        if isinstance(annotation, n.Subscript):
            return self._generic(path, annotation, root, sid, hops)
        what = self.world.names.definition(path, annotation)
        if isinstance(what, Variable) and len(what.assigned) == 1:
            # An alias: ``SessionDep = Annotated[Session, Depends(get_db)]``.
            value = getattr(what.assigned[0], "value", None)
            if isinstance(value, (n.Subscript, n.BinOp, n.Name, n.Attribute)):
                injected = sid._replace(owner="injected") if dependencies.mentioned(value) else sid
                return self.annotation(what.path, value, root, injected, hops - 1)
        if isinstance(what, External):
            # A flag that is handed on may decide what a callee does.
            return root if what.name == "builtins.bool" else self._external(what.name, sid)
        if isinstance(what, Class):
            return self._class(what, root, sid)
        return None

    def _external(self, name: str, sid: Sid) -> Value | None:
        meaning = api.meaning(name)
        if name == "typing.Any" or api.is_statement_class(name):
            return None
        if meaning in ("session-class", "async-session-class"):
            return Session(sid, configure.of_class(meaning)._replace(expire_on_commit=None))
        if meaning in ("scoped-session", "async-scoped-session"):
            return Registry(sid._replace(owner="injected"), configure.of_class(meaning)._replace(expire_on_commit=None))
        if meaning in ("sessionmaker", "async-sessionmaker"):
            return Factory(configure.of_class(meaning)._replace(expire_on_commit=None))
        if meaning in ("connection-class", "engine-class"):
            return Connection(None) if meaning == "connection-class" else Engine(None)
        kept = name.startswith(handover_calls.HOLDERS) or slow_calls.is_client(name, self.world.settings.slow_calls)
        return Outside(name, True) if kept else UNKNOWN

    def _class(self, cls: Class, root: Parameter, sid: Sid) -> Value | None:
        if self.world.mappings.is_mapped(cls):
            return root._replace(cls=cls)
        settings = self.world.session_class(cls)
        if settings is not None:
            return Session(sid, settings._replace(expire_on_commit=None))
        return Instance(cls, (root.name, *root.steps)) if not {"[]", AT_ANY} & {*root.steps} else None

    def _either(self, path: str, parts: tuple[n.Expr, ...], root: Parameter, sid: Sid, hops: int) -> Value | None:
        kept = [p for p in parts if not (isinstance(p, n.Constant) and p.value is None)]
        found = [self.annotation(path, part, root, sid, hops - 1) for part in kept]
        # ``Session | scoped_session``: either way it is asked alike.
        sessions = [one for one in found if isinstance(one, (Session, Registry))]
        return found[0] if len(found) == 1 else sessions[0] if sessions and len(sessions) == len(found) else None

    def _generic(self, path: str, annotation: n.Subscript, root: Parameter, sid: Sid, hops: int) -> Value | None:
        name = n.last_part(annotation.value)
        index = annotation.key
        items = index.items if isinstance(index, n.Sequence) else (index,)
        if name == "Annotated" and items:
            injected = sid._replace(owner="injected") if any(map(dependencies.mentioned, items[1:])) else sid
            return self.annotation(path, items[0], root, injected, hops - 1)
        if name in ("Type", "type"):
            return None
        if name in _WRAPPERS:
            return self._either(path, items, root, sid, hops)
        if name in _MANY and items:
            inner = self.annotation(path, items[0], root._replace(steps=(*root.steps, "[]")), sid, hops - 1)
            return Many(inner) if isinstance(inner, Parameter) else None
        if name in _MAPPINGS and len(items) == 2:
            inner = self.annotation(path, items[1], root._replace(steps=(*root.steps, AT_ANY)), sid, hops - 1)
            return Mapping(UNKNOWN, inner) if isinstance(inner, Parameter) else None
        return self.annotation(path, annotation.value, root, sid, hops - 1)

    def promised(self, function: Function) -> Session | None:
        """The session that a generator's annotation says it yields: a new one, as far as its users know."""
        promise = function.node.returns
        if not isinstance(promise, n.Subscript) or n.last_part(promise.value) not in _YIELDING:
            return None
        items = promise.key.items if isinstance(promise.key, n.Sequence) else (promise.key,)
        sid = Sid("local", (function.path,), function.node.pos)
        found = self.annotation(function.path, items[0], Parameter(function.node.name), sid) if items else None
        return found if isinstance(found, Session) else None

    # --- dependencies

    def _is_injected(self, function: Function, param: n.Param) -> bool:
        """Whether a framework hands the parameter in: ``Depends``, a decorator that provides sessions,
        a pytest fixture.
        """
        if param.default is not None and dependencies.mentioned(param.default):
            return True
        if param.annotation is not None and dependencies.mentioned(unquote(param.annotation)):
            return True
        return self.world.roles.is_fixture(function) or self.world.roles.is_test_function(function)

    def _from_depends(self, function: Function, param: n.Param, sid: Sid) -> Value | None:
        """``db=Depends(get_db)`` without an annotation: what the dependency yields or returns."""
        default = param.default
        if not (isinstance(default, n.Call) and dependencies.mentioned(default) and default.args):
            return None
        what = self.world.names.definition(function.path, default.args[0])
        if not isinstance(what, Function):
            return None
        summary = self.world.summary(what)
        found = summary.generator.yields if summary.generator is not None else summary.returns
        if isinstance(found, Session):
            return Session(sid, found.settings)
        if what.node.returns is None or summary.generator is not None:
            return None
        promised = self.annotation(what.path, what.node.returns, Parameter(param.name), sid)
        return promised if promised is not None else Parameter(param.name)

    # --- evidence

    def _is_session(self, function: Function, name: str) -> bool:
        if name not in function.words:
            return False
        if self._evidence(function, lambda e: _is_name(e, name)):
            return True
        stored = self._stored_as(function, name)
        methods = list(function.cls.methods.values()) if stored and function.cls is not None else []
        is_stored = _self_attribute(stored)
        if any(self._evidence(method, is_stored) for method in methods):
            return True
        asks = (
            _is_passed_on(function, name)
            or self._asks(function, lambda e: _is_name(e, name))
            or any(self._asks(m, is_stored) for m in methods)
        )
        return asks and (self._sibling_evidence(function, name) or self._caller_evidence(function, name))

    @staticmethod
    def _stored_as(function: Function, name: str) -> str | None:
        """The attribute of ``self`` that ``__init__`` keeps a parameter in."""
        if function.node.name != "__init__":
            return None
        for stmt in function.node.body:
            if isinstance(stmt, (n.Assign, n.AnnAssign)) and stmt.value is not None and _is_name(stmt.value, name):
                target = stmt.targets[0] if isinstance(stmt, n.Assign) else stmt.target
                if isinstance(target, n.Attribute) and _is_name(target.value, function.node.params[0].name):
                    return target.attr
        return None

    def _evidence(self, function: Function, is_it: Callable[[n.Expr], bool]) -> bool:
        """Calls on it in the function that only a session has, or that are given a mapped class or a ``select``."""
        if not function.words & _ASKED:
            return False
        if any(node.attr in api.EVIDENCE and is_it(node.value) for node in function.attributes):
            return True
        for node in chain.from_iterable(function.calls.values()):
            # A query is handed mapped classes as well, by other methods.
            if isinstance(node.func, n.Attribute) and node.func.attr in _ASKED and is_it(node.func.value):
                if any(self._is_mapped_or_select(function.path, arg) for arg in node.args[:2]):
                    return True
        return False

    def _is_mapped_or_select(self, path: str, arg: n.Expr) -> bool:
        while isinstance(arg, n.Call) and isinstance(arg.func, n.Attribute):
            if self.world.names.meaning(path, arg.func) == "select":
                return True
            arg = arg.func.value
        what = self.world.names.definition(path, arg.func if isinstance(arg, n.Call) else arg)
        if isinstance(what, Class):
            return self.world.mappings.is_mapped(what)
        if isinstance(arg, n.Attribute):
            owner = self.world.names.definition(path, arg.value)
            return isinstance(owner, Class) and self.world.mappings.is_mapped(owner)
        return isinstance(arg, n.Call) and self.world.names.meaning(path, arg.func) == "select"

    def _asks(self, function: Function, is_it: Callable[[n.Expr], bool]) -> bool:
        """Whether the function asks of it what a session can be asked."""
        return any(node.attr in api.ORDINARY and is_it(node.value) for node in function.attributes)

    def _sibling_evidence(self, function: Function, name: str) -> bool:
        """Another function of the same file takes a parameter of that name and proves it."""
        for other in self.world.project.modules[function.path].functions:
            if other is not function and name in other.words and any(p.name == name for p in other.node.params):
                param = next(p for p in other.node.params if p.name == name)
                if param.annotation is not None:
                    sid = Sid("parameter", (name,))
                    found = self.annotation(other.path, param.annotation, Parameter(name), sid)
                    if isinstance(found, Session):
                        return True
                elif self._evidence(other, lambda e: _is_name(e, name)):
                    return True
        return False

    def _caller_evidence(self, function: Function, name: str) -> bool:
        """A caller in the project hands a session in."""
        return any(isinstance(v, (Session, Registry, FlaskDb)) for v in self._handed_in(function, name))

    def _handed_in(self, function: Function, name: str) -> Iterator[Value]:
        called = function.cls.name if function.node.name == "__init__" and function.cls else function.node.name
        for caller in self.world.roles.callers(function):
            for call in caller.calls.get(called, ()):
                yield self.world.argument(caller, call, function, name)

    def _is_async(self, function: Function, name: str) -> bool:
        """Whether a session that is proved, not annotated, is an ``AsyncSession``: a call on it is awaited,
        or a caller hands one in.
        """
        if not function.node.is_async:
            return False
        awaited = (e.value for e in function.own if isinstance(e, n.Await))
        if any(
            isinstance(e, n.Call) and isinstance(e.func, n.Attribute) and _is_name(e.func.value, name) for e in awaited
        ):
            return True
        return any(isinstance(v, (Session, Registry)) and v.settings.is_async for v in self._handed_in(function, name))


def is_receiver(function: Function, param: n.Param) -> bool:
    """Whether *param* is ``self`` (or ``cls``): the first one of a method that is not static."""
    if function.cls is None or not function.node.params:
        return False
    if function.outer is not None and function.cls.methods.get(function.node.name) is not function:
        return False  # a function within a method
    if function.node.params[0] is not param and function.node.params[0].name != param.name:
        return False
    return not any(isinstance(d, n.Name) and d.id == "staticmethod" for d in function.node.decorators)


def _is_name(expr: n.Expr, name: str) -> bool:
    return isinstance(expr, n.Name) and expr.id == name


def _is_passed_on(function: Function, name: str) -> bool:
    """Whether the function only hands the parameter on: then a caller may prove what it is.

    The name saves the search elsewhere.
    """
    if not ("session" in name.lower() or name in ("db", "s", "sess", "database", "dbs", "tx", "uow")):
        return False
    for node in function.own:
        if isinstance(node, n.Call):
            if any(_is_name(arg, name) for arg in node.args) or any(_is_name(k.value, name) for k in node.keywords):
                return True
    return False


def _self_attribute(attr: str | None) -> Callable[[n.Expr], bool]:
    return lambda e: attr is not None and isinstance(e, n.Attribute) and e.attr == attr and _is_name(e.value, "self")


__all__ = ["Parameters", "is_receiver"]
