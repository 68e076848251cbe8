"""Which handler catches what: database errors, results that are not as expected, everything else."""

from __future__ import annotations

import builtins

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.context import Context
from sqla_lint.flow.state import Raised
from sqla_lint.index.module import Class
from sqla_lint.index.project import External, Variable
from sqla_lint.lower import nodes as n

_BASE_ONLY = frozenset({"KeyboardInterrupt", "SystemExit", "GeneratorExit", "CancelledError"})
# How far a project's exception classes are followed to their bases.
_MAX_HOPS = 6


def handler_types(ctx: Context, node: n.Expr | None) -> tuple[str, ...]:
    """What an ``except`` clause names: ``*`` for everything, ``Exception``, a class of sqlalchemy.exc, ``project``, ``other``, ``?``."""
    if node is None:
        return ("*",)
    if isinstance(node, n.Sequence):
        return tuple(t for item in node.items for t in handler_types(ctx, item))
    if isinstance(node, n.Starred):
        return ("?",)
    if isinstance(node, n.Name) and ctx.world.project.lookup(ctx.path, node.id) is None:
        return (_builtin(node.id),)
    return _defined(ctx, ctx.path, node, _MAX_HOPS)


def _builtin(name: str) -> str:
    if name == "BaseException":
        return "*"
    if name == "Exception":
        return "Exception"
    if name in _BASE_ONLY:
        return "base"
    return "other" if hasattr(builtins, name) else "?"


def _defined(ctx: Context, path: str, node: n.Expr, hops: int) -> tuple[str, ...]:
    what = ctx.world.names.definition(path, node)
    if isinstance(what, External):
        name = what.name.rpartition(".")[2]
        if what.name.startswith("sqlalchemy."):
            return (name,)
        if what.name.startswith("builtins."):
            return (_builtin(name),)
        return ("base",) if name in _BASE_ONLY else ("other",)
    if isinstance(what, Variable) and hops:
        # ``DB_ERRORS = (OperationalError, IntegrityError)``
        value = getattr(what.assigned[-1], "value", None)
        if isinstance(value, n.Sequence):
            return tuple(t for item in value.items for t in _defined(ctx, what.path, item, hops - 1))
        return ("?",)
    if isinstance(what, Class):
        return ("project",)
    if isinstance(node, n.Name):
        return (_builtin(node.id),)
    if isinstance(node, n.Attribute) and node.attr in api.DATABASE_ERRORS:
        # ``exc.IntegrityError`` and the like, where the module is not known.
        return ("?",)
    return ("?",)


def catches(raised: Raised, types: tuple[str, ...]) -> bool | None:
    """Whether a handler of *types* catches what was raised; None where it may."""
    results = [_catches(raised, one) for one in types]
    if True in results:
        return True
    return None if None in results else False


def _catches(raised: Raised, one: str) -> bool | None:
    if one == "*":
        return True
    if raised.label == "database":
        if one == "Exception" or one in api.CATCH_ALL_ERRORS:
            return True
        return None if one in api.DATABASE_ERRORS or one == "?" else False
    if raised.label == "base":
        return None if one in ("base", "?") else False
    if raised.type is not None and one not in ("Exception", "?"):
        return True if raised.type == one else None
    if one == "Exception":
        return True
    return None
