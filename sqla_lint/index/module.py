"""One file's index: what it binds at module level, its functions and its classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from sqla_lint.lower import nodes as n

_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, eq=False)
class Function:
    """A ``def``; *qualname* is ``Class.method`` or ``outer.inner``. *given* are known parameters, *level* calls in."""

    path: str
    qualname: str
    node: n.FunctionDef
    cls: Class | None
    outer: Function | None
    source: tuple[str, ...] = field(repr=False)
    given: tuple[object, ...] = ()
    level: int = 0

    @property
    def key(self) -> tuple[str, int, int]:
        """Where it stands: functions are analysed in this order, whatever order files came in."""
        return (self.path, self.node.pos[0], self.node.pos[1])

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word in the function's text, its docstring aside: a quick way to pass over what cannot matter."""
        start = min([self.node.pos[0], *(d.pos[0] for d in self.node.decorators)])
        lines = self.source[start - 1 : self.node.pos[2]]
        first = self.node.body[0] if self.node.body else None
        if isinstance(first, n.ExprStmt) and isinstance(first.value, n.Constant) and first.pos[0] > self.node.pos[0]:
            lines = (*self.source[start - 1 : first.pos[0] - 1], *self.source[first.pos[2] : self.node.pos[2]])
        return frozenset(_WORD.findall("\n".join(lines)))

    @cached_property
    def body_words(self) -> frozenset[str]:
        """As :attr:`words`, those of the signature and the decorators aside."""
        first = next((s for s in self.node.body if not _is_docstring(s)), None)
        if first is None or first.pos[0] <= self.node.pos[0]:
            return self.words
        return frozenset(_WORD.findall("\n".join(self.source[first.pos[0] - 1 : self.node.pos[2]])))

    @cached_property
    def own(self) -> tuple[object, ...]:
        """The nodes of the function's own body (see :func:`own_nodes`)."""
        return tuple(own_nodes(self.node.body))

    @cached_property
    def is_generator(self) -> bool:
        """Whether the function's own body yields (a nested function's yield is not its own)."""
        return "yield" in self.words and any(isinstance(e, n.Yield) for e in self.own)

    @cached_property
    def nested(self) -> dict[str, n.FunctionDef]:
        """The functions defined directly in this one's body, by name."""
        return {s.name: s for s in statements(self.node.body) if isinstance(s, n.FunctionDef)}

    @cached_property
    def assigned(self) -> frozenset[str]:
        """The plain names that the function's own statements bind (parameters aside)."""
        return frozenset(name for _, names in self.bound for name in names)

    @cached_property
    def bound(self) -> tuple[tuple[n.Pos, tuple[str, ...]], ...]:
        """The plain names that each of the function's own statements binds, by its place."""
        found = ((stmt.pos, tuple(bound_names(stmt))) for stmt in statements(self.node.body))
        return tuple((pos, names) for pos, names in found if names)

    @cached_property
    def loops(self) -> tuple[n.Pos, ...]:
        """Where the function's own ``for`` and ``while`` loops stand."""
        return tuple(s.pos for s in statements(self.node.body) if isinstance(s, (n.For, n.While)))

    @cached_property
    def calls(self) -> dict[str, tuple[n.Call, ...]]:
        """The function's own calls, by the last part of what is called."""
        found: dict[str, tuple[n.Call, ...]] = {}
        for node in self.own:
            if isinstance(node, n.Call):
                name = n.last_part(node.func)
                found[name] = (*found.get(name, ()), node)
        return found

    @cached_property
    def attributes(self) -> tuple[n.Attribute, ...]:
        """The attributes that the function's own code names."""
        return tuple(node for node in self.own if isinstance(node, n.Attribute))

    @cached_property
    def globals(self) -> frozenset[str]:
        """Names that the function declares ``global``."""
        if "global" not in self.words:
            return frozenset()
        found = [s.names for s in statements(self.node.body) if isinstance(s, n.Scope) and s.kind == "global"]
        return frozenset(name for names in found for name in names)


@dataclass(frozen=True, eq=False)
class Class:
    """A ``class``: its methods and what its body assigns; *made* are classes that its methods give it as attributes."""

    path: str
    qualname: str
    node: n.ClassDef
    methods: dict[str, Function]
    assigned: dict[str, tuple[n.Stmt, ...]]
    made: dict[str, Class] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def key(self) -> tuple[str, int, int]:
        return (self.path, self.node.pos[0], self.node.pos[1])


@dataclass(frozen=True)
class Imported:
    """A name bound by an import: *module* with its dots, *name* None for ``import a.b``;
    *whole* for ``import a.b as c``.
    """

    module: str
    level: int
    name: str | None


Binding: TypeAlias = "Function | Class | Imported | n.Stmt"


@dataclass(frozen=True, eq=False)
class ModuleIndex:
    """A file as other files see it."""

    path: str
    node: n.Module
    bindings: dict[str, tuple[Binding, ...]]
    stars: tuple[Imported, ...]
    functions: tuple[Function, ...]
    classes: tuple[Class, ...]
    source: tuple[str, ...] = field(repr=False)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every identifier-like word of the file."""
        return frozenset(_WORD.findall("\n".join(self.source)))

    @cached_property
    def main_guard(self) -> n.If | None:
        """The file's ``if __name__ == "__main__":``."""
        return next((s for s in self.node.body if isinstance(s, n.If) and is_main_test(s.test)), None)


def _is_docstring(stmt: n.Stmt) -> bool:
    return isinstance(stmt, n.ExprStmt) and isinstance(stmt.value, n.Constant)


def is_main_test(test: n.Expr) -> bool:
    """Whether *test* is ``__name__ == "__main__"``, either way round."""
    if not (isinstance(test, n.Compare) and test.ops == ("==",)):
        return False
    sides = [test.left, *test.comparators]
    return any(isinstance(s, n.Name) and s.id == "__name__" for s in sides) and any(
        isinstance(s, n.Constant) and s.value == "__main__" for s in sides
    )


# Fields that never hold nodes; the others of each kind of node are looked into.
_PLAIN = frozenset(
    {"pos", "id", "attr", "kind", "op", "ops", "name", "names", "level", "module", "is_async", "is_from", "is_star",
     "irrefutable", "as_repr"}
)  # fmt: skip
_FIELDS: dict[type, tuple[int, ...]] = {
    cls: tuple(index for index, name in enumerate(cls._fields) if name not in _PLAIN)
    for cls in vars(n).values()
    if isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields")
}
_SCOPES = frozenset({n.FunctionDef, n.Lambda, n.ClassDef})
_COMPOUND = frozenset({n.If, n.While, n.For, n.With, n.Try, n.Match})


def walk(node: object) -> Iterator[object]:
    """Every node in *node*, nested functions included, in no particular order."""
    stack: list[Any] = [node]
    while stack:
        item = stack.pop()
        fields = _FIELDS.get(type(item))
        if fields is None:
            stack += [part for part in item if part is not None]
        else:
            yield item
            stack += [part for index in fields if isinstance(part := item[index], tuple) and part]


def parts(node: Any) -> Iterator[object]:
    """The nodes directly in *node*."""
    for part in [node[index] for index in _FIELDS[type(node)]] if type(node) in _FIELDS else node:
        if type(part) in _FIELDS:
            yield part
        elif isinstance(part, tuple):
            yield from parts(part)


def own_nodes(node: object) -> Iterator[object]:
    """As :func:`walk`, without what belongs to nested functions, lambdas and classes."""
    stack: list[Any] = [node]
    while stack:
        item = stack.pop()
        fields = _FIELDS.get(type(item))
        if fields is None:
            stack += [part for part in item if part is not None]
        else:
            yield item
            if type(item) not in _SCOPES:
                stack += [part for index in fields if isinstance(part := item[index], tuple) and part]


def names_in(node: object) -> frozenset[str]:
    """The plain names that *node* mentions, nested functions included."""
    found: set[str] = set()
    stack: list[Any] = [node]
    while stack:
        item = stack.pop()
        if type(item) is n.Name:
            found.add(item.id)
            continue
        fields = _FIELDS.get(type(item))
        if fields is None:
            stack += [part for part in item if part is not None]
        else:
            stack += [part for index in fields if isinstance(part := item[index], tuple) and part]
    return frozenset(found)


def statements(body: tuple[n.Stmt, ...]) -> Iterator[n.Stmt]:
    """The statements of a block and of the blocks in it, in source order; not those of nested functions and classes."""
    for stmt in body:
        yield stmt
        if type(stmt) in _COMPOUND:
            for block in blocks(stmt):
                yield from statements(block)


def blocks(stmt: n.Stmt) -> Iterator[tuple[n.Stmt, ...]]:
    """The blocks of a compound statement that run in the same scope."""
    if isinstance(stmt, (n.If, n.While, n.For)):
        yield stmt.body
        yield stmt.orelse
    elif isinstance(stmt, n.With):
        yield stmt.body
    elif isinstance(stmt, n.Try):
        yield stmt.body
        for handler in stmt.handlers:
            yield handler.body
        yield stmt.orelse
        yield stmt.final
    elif isinstance(stmt, n.Match):
        for case in stmt.cases:
            yield case.body


def target_names(target: n.Expr) -> Iterator[str]:
    """The plain names that an assignment target binds."""
    if isinstance(target, n.Name):
        yield target.id
    elif isinstance(target, n.Sequence):
        for item in target.items:
            yield from target_names(item)
    elif isinstance(target, n.Starred):
        yield from target_names(target.value)


def bound_names(stmt: n.Stmt) -> Iterator[str]:
    """The plain names that a statement itself binds, nested blocks aside."""
    if isinstance(stmt, n.Assign):
        for target in stmt.targets:
            yield from target_names(target)
    elif isinstance(stmt, (n.AnnAssign, n.AugAssign, n.For)):
        yield from target_names(stmt.target)
    elif isinstance(stmt, n.With):
        for item in stmt.items:
            if item.target is not None:
                yield from target_names(item.target)


def imports(stmt: n.Import | n.ImportFrom) -> Iterator[tuple[str, Imported]]:
    """What an import statement binds: (name, target). ``import a.b`` binds ``a``."""
    if isinstance(stmt, n.Import):
        for dotted, alias in stmt.names:
            yield (
                (alias, Imported(dotted, 0, None))
                if alias
                else (dotted.split(".")[0], Imported(dotted.split(".")[0], 0, None))
            )
        return
    for name, alias in stmt.names:
        yield alias or name, Imported(stmt.module or "", stmt.level, name)
