"""Whether anybody cleans up a session that outlives the functions that use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.evaluation.evaluate import expr
from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.session_values import Registry, Session
from sqla_lint.flow.terms.state import Cursor, State
from sqla_lint.flow.terms.values import UNKNOWN, Either, Instance, Parameter
from sqla_lint.index.module import Class, Function, ModuleIndex, own_nodes, walk
from sqla_lint.index.project import Variable
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

_ENDS = frozenset({"remove", "close", "close_all", "aclose"})
# What a method asks of its session if it does something else than end it.
_WORKS = (api.STATEMENTS | api.WRITES | {"query", "add", "add_all"}) - {"connection"}
_ENDING_NAMES = ("close", "exit", "shutdown", "dispose", "teardown", "cleanup", "disconnect", "release")
_ENDING_WORDS = frozenset({"stop", "end", "finish", "quit", "del", "done", "clean", "tear", "wrap"})


class Cleanup:
    """Who ends the sessions that no single function owns; answers are cached once they rest on known summaries."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._registries: dict[Sid, bool] = {}
        self._bindings: dict[str, frozenset[str]] = {}

    # --- registries

    def is_removed(self, sid: Sid) -> bool:
        """Whether anything in the project calls ``remove()`` or ``close()`` on a registry."""
        if sid not in self._registries:
            early = self.world.asked_early
            found = any(self._ends(path, function, sid) for path, function in self._places()) or self._is_closed(sid)
            if not found and self.world.asked_early != early:
                return False
            self._registries[sid] = found
        return self._registries[sid]

    def _places(self) -> Iterator[tuple[str, Function | None]]:
        project = self.world.project
        functions = {f: None for word in sorted(_ENDS) for f in project.functions_by_word.get(word, ())}
        for function in functions:
            yield function.path, function
        for path, module in project.modules.items():
            if module.words & _ENDS:
                yield path, None

    def _ends(self, path: str, function: Function | None, sid: Sid) -> bool:
        ctx = self.world.static_context(path, function)
        cur = Cursor(State({}, {}), None)
        body = function.node.body if function is not None else _own_code(self.world.project.modules[path])
        for part in walk(body):
            if isinstance(part, n.Attribute) and part.attr in _ENDS:
                value = expr(ctx, cur, part.value)
                if isinstance(value, (Registry, Session)) and value.sid == sid:
                    return True
            elif isinstance(part, n.Call) and _removes_something(part):
                assert isinstance(part.func, n.Attribute)
                if _may_be_any(expr(ctx, cur, part.func.value)):
                    return True
        return False

    def _is_closed(self, sid: Sid) -> bool:
        """Whether a function that mentions the registry closes it in a scope, or through another function."""
        mentioning = self.world.project.functions_by_word.get(sid.path[-1], ())
        return any(
            "close" in effect.may
            for function in mentioning
            if self.world.is_relevant(function)
            for other, effect in self.world.summary(function).effects
            if other == sid
        )

    # --- plain sessions

    def is_process_wide(self, sid: Sid) -> bool:
        """Whether a session at module or class level is one that the whole process shares, and no script's."""
        from sqla_lint.flow.lifetimes.globals_ import process_wide

        path, name = sid.path[0], sid.path[-1].rpartition(".")[2]
        module = self.world.project.modules.get(path)
        if module is None or self.world.project.is_test(path):
            return False
        if path not in self._bindings:
            self._bindings[path] = frozenset(b.name.rpartition(".")[2] for b in process_wide(module, self.world))
        return name in self._bindings[path]

    def holder(self, sid: Sid, function: Function) -> Class | None:
        """The class whose instance keeps the session; None where it is not known."""
        if sid.owner == "module":
            found = self.world.project.lookup(sid.path[0], sid.path[1])
            value = self.world.statics.variable(found) if isinstance(found, Variable) else UNKNOWN
            return value.cls if isinstance(value, Instance) else None
        cls = function.cls
        for step in sid.path[1:-1]:
            value = self.world.statics.attribute(cls, step) if cls is not None else UNKNOWN
            cls = value.cls if isinstance(value, Instance) else None
        return cls

    def may_be_given(self, cls: Class, attribute: str) -> bool:
        """Whether the object's session may be one that its maker handed in."""
        return isinstance(self.world.statics.attribute(cls, attribute), Either)

    def has_closing_method(self, cls: Class) -> bool:
        """Whether a class has a method that is there to close its session: whoever uses the class owns it."""
        lineage = self.world.names.lineage
        derived = [c for m in self.world.project.modules.values() for c in m.classes if cls in lineage(c)]
        methods = [m for one in dict.fromkeys((*lineage(cls), *derived)) for m in one.methods.values()]
        return any(self._is_there_to_close(method) for method in methods)

    def _is_there_to_close(self, method: Function) -> bool:
        if not any("close" in effect.may for _, effect in self.world.summary(method).effects):
            return False
        name = method.node.name.lower()
        is_named_so = any(word in name for word in _ENDING_NAMES) or bool(_ENDING_WORDS.intersection(name.split("_")))
        return is_named_so or not method.body_words & _WORKS


def _own_code(module: ModuleIndex) -> list[object]:
    """A file's statements, without its functions and classes; lambdas are looked into."""
    return [part for part in own_nodes(module.node.body) if isinstance(part, (n.Call, n.Lambda))]


def _removes_something(call: n.Call) -> bool:
    """``x.remove()``: of all that can be removed, only a registry takes no argument."""
    return isinstance(call.func, n.Attribute) and call.func.attr == "remove" and not call.args and not call.keywords


def _may_be_any(value: Value) -> bool:
    return isinstance(value, Parameter) or value == UNKNOWN or (isinstance(value, Session) and _is_given(value.sid))


def _is_given(sid: Sid) -> bool:
    return sid.owner in ("parameter", "injected", "held", "kept")
