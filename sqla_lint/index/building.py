"""From a lowered file to its index: functions, classes and what the names at module level are bound to."""

from __future__ import annotations

from sqla_lint.index.made_classes import made_classes
from sqla_lint.index.module import Binding, Class, Function, Imported, ModuleIndex, bound_names, imports, statements
from sqla_lint.lower import nodes as n


class _Builder:
    """Collects one file's index while walking its statements once."""

    def __init__(self, path: str, source: tuple[str, ...]) -> None:
        self.path = path
        self.source = source
        self.functions: list[Function] = []
        self.classes: list[Class] = []

    def function(self, node: n.FunctionDef, cls: Class | None, outer: Function | None, prefix: str) -> Function:
        made = Function(self.path, prefix + node.name, node, cls, outer, self.source)
        self.functions.append(made)
        self.inner(node.body, made)
        return made

    def inner(self, body: tuple[n.Stmt, ...], outer: Function) -> None:
        for stmt in statements(body):
            if isinstance(stmt, n.FunctionDef):
                self.function(stmt, outer.cls, outer, outer.qualname + ".")
            elif isinstance(stmt, n.ClassDef):
                self.cls(stmt, outer, outer.qualname + ".")

    def cls(self, node: n.ClassDef, outer: Function | None, prefix: str) -> Class:
        assigned: dict[str, tuple[n.Stmt, ...]] = {}
        made = Class(self.path, prefix + node.name, node, {}, assigned)
        self.classes.append(made)
        for stmt in statements(node.body):
            if isinstance(stmt, n.FunctionDef):
                # A property's setter shares its name: the first definition is the one that reads.
                method = self.function(stmt, made, outer, made.qualname + ".")
                if not _is_accessor(stmt):
                    made.methods[stmt.name] = method
            elif isinstance(stmt, n.ClassDef):
                self.cls(stmt, outer, made.qualname + ".")
            for name in bound_names(stmt):
                assigned[name] = (*assigned.get(name, ()), stmt)
        for one in made.methods.values():
            self.attributes(one.node, made)
        return made

    def attributes(self, method: n.FunctionDef, owner: Class) -> None:
        """The classes that a method gives its class: one that it makes by a call is known by that name alone."""
        for name, node in made_classes(method):
            found = next((cls for cls in self.classes if cls.node is node), None)
            named = node._replace(name=f"{owner.name}.{name}")
            owner.made[name] = found or self.cls(named, None, owner.qualname.removesuffix(owner.name))


def _is_accessor(node: n.FunctionDef) -> bool:
    return any(isinstance(d, n.Attribute) and d.attr in ("setter", "deleter", "expression") for d in node.decorators)


def build(path: str, node: n.Module, source: tuple[str, ...]) -> ModuleIndex:
    """Index one lowered file. *source* is its lines, for messages and quick word tests."""
    builder = _Builder(path, source)
    bindings: dict[str, tuple[Binding, ...]] = {}
    stars: list[Imported] = []

    def bind(name: str, what: Binding) -> None:
        bindings[name] = (*bindings.get(name, ()), what)

    for stmt in statements(node.body):
        if isinstance(stmt, n.FunctionDef):
            bind(stmt.name, builder.function(stmt, None, None, ""))
        elif isinstance(stmt, n.ClassDef):
            bind(stmt.name, builder.cls(stmt, None, ""))
        elif isinstance(stmt, (n.Import, n.ImportFrom)):
            for bound, target in imports(stmt):
                if bound == "*":
                    stars.append(target)
                else:
                    bind(bound, target)
        else:
            for name in bound_names(stmt):
                bind(name, stmt)
    return ModuleIndex(path, node, bindings, tuple(stars), tuple(builder.functions), tuple(builder.classes), source)
