"""What a function is for: a route, a test, a fixture, a context manager, something that a cache stands before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqla_lint.flow.evaluation import frameworks
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.flow.evaluation.world import World

_CACHES = ("functools.lru_cache", "functools.cache", "cachetools.cached", "async_lru.alru_cache")
_FIXTURES = ("pytest.fixture", "pytest_asyncio.fixture", "pytest.yield_fixture")
_SCOPES = frozenset({"contextmanager", "asynccontextmanager"})


class Roles:
    """Answers are cached, and pure functions of the project."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._registered: dict[str, frozenset[str]] = {}
        self._callers: dict[Function, tuple[Function, ...]] = {}

    def is_route(self, function: Function) -> bool:
        """Whether a web framework (or a chat framework's call) hands the function its request and session."""
        return frameworks.is_route(function, self.world) or frameworks.is_registered(function, self.world)

    def registered(self, path: str) -> frozenset[str]:
        """The names of functions that a file hands to a framework by a call."""
        if path not in self._registered:
            self._registered[path] = frameworks.registered(self.world.project.modules[path])
        return self._registered[path]

    def is_entry_point(self, function: Function) -> bool:
        """Whether Flask runs the function in an application context of its own."""
        return frameworks.is_entry_point(function, self.world)

    def is_context_manager(self, function: Function) -> bool:
        """Whether a generator function is made a context manager by a decorator."""
        return any(n.called_name(decorator) in _SCOPES for decorator in function.node.decorators)

    def is_fixture(self, function: Function) -> bool:
        """Whether pytest calls the function as a fixture."""
        return any(self.world.names.dotted(function.path, d) in _FIXTURES for d in function.node.decorators)

    def is_test_code(self, function: Function) -> bool:
        """Whether the function is a test's: in a test file, a pytest fixture, or a method of a ``TestCase``."""
        if self.world.project.is_test(function.path) or self.is_fixture(function):
            return True
        cls = function.cls
        return cls is not None and any(base.endswith("TestCase") for base in self.world.names.external_bases(cls))

    def is_cached(self, function: Function) -> bool:
        """Whether a cache stands before the function: what it returns is shared, and nobody's to close."""
        return any(self.world.names.dotted(function.path, d) in _CACHES for d in function.node.decorators)

    def is_test_function(self, function: Function) -> bool:
        return function.node.name.startswith("test") and self.world.project.is_test(function.path)

    def callers(self, function: Function) -> tuple[Function, ...]:
        """Functions whose text mentions this one's name and may mean it: all its callers are among them."""
        if function not in self._callers:
            name = function.cls.name if function.node.name == "__init__" and function.cls else function.node.name
            found = [f for f in self.world.project.functions_by_word.get(name, ()) if f is not function]
            if function.cls is None and function.outer is None:
                found = [f for f in found if self._may_mean(f, function, name)]
            self._callers[function] = tuple(found[:200])
        return self._callers[function]

    def _may_mean(self, caller: Function, function: Function, name: str) -> bool:
        """Whether a name may stand for a function of a module where *caller* says it: by an import, or handed in."""
        project = self.world.project
        if caller.path in project.users(function.path) or any(param.name == name for param in caller.node.params):
            return True
        meant = project.lookup(caller.path, name)
        return isinstance(meant, Function) and meant.node is function.node
