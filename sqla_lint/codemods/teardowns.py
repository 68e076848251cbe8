"""Functions that frameworks call to end a shared session, and that nothing else calls: they go with it."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.layout import Rewrite, stands_alone
from sqla_lint.codemods.refreshing import session_call
from sqla_lint.codemods.shared_uses import Uses
from sqla_lint.flow.evaluation.world import World
from sqla_lint.index.module import Function, walk
from sqla_lint.index.project import ModuleRef
from sqla_lint.lower import nodes as n


def without_teardowns(world: World, uses: Uses) -> Uses:
    """*uses* with the decorated functions that only close or roll back set apart."""
    ended = tuple(
        function
        for function, nodes in uses.functions.items()
        if function.node.decorators and _only_ends(function, nodes) and not _is_named(world, function)
    )
    kept = {function: nodes for function, nodes in uses.functions.items() if function not in ended}
    return uses._replace(functions=kept, ended=ended) if kept else uses


def _only_ends(function: Function, nodes: tuple[n.Expr, ...]) -> bool:
    if function.cls is not None or function.outer is not None or not stands_alone(function.source, function.node):
        return False
    return all(_ends(stmt, nodes) or _says_nothing(stmt) for stmt in function.node.body)


def _ends(stmt: n.Stmt, nodes: tuple[n.Expr, ...]) -> bool:
    return any(session_call(stmt, nodes, method) is not None for method in api.CLOSES | api.ROLLS_BACK)


def _says_nothing(stmt: n.Stmt) -> bool:
    constant = isinstance(stmt, n.ExprStmt) and isinstance(stmt.value, n.Constant)
    return constant or isinstance(stmt, n.Jump)


def _is_named(world: World, function: Function) -> bool:
    """Whether any other code of the project mentions the function."""
    name = function.node.name
    own = world.project.modules[function.path]
    if any(isinstance(node, n.Name) and node.id == name for node in walk(own.node.body)):
        return True
    for path in world.project.importers.get(function.path, ()):
        for node in walk(world.project.modules[path].node.body):
            if isinstance(node, n.Attribute) and node.attr == name:
                return True
            if isinstance(node, n.ImportFrom) and any(imported == name for imported, _ in node.names):
                target = world.project.module(path, node.module or "", node.level)
                if isinstance(target, ModuleRef) and target.path == function.path:
                    return True
    return False


def remove(rewrite: Rewrite, function: Function) -> None:
    """Take a function out, its decorators with it."""
    first = min(function.node.pos[0], *(decorator.pos[0] for decorator in function.node.decorators))
    rewrite.remove(first, function.node.pos[2])
    rewrite.tidy(first, function.node.pos[2])
