"""Which handler catches what: database errors, results that are not as expected, everything else."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Many, Pair
from sqla_lint.flow.terms.state import Cursor, Raised
from sqla_lint.flow.terms.values import ClassValue, Outside
from sqla_lint.lower import nodes as n

_BASE_ONLY = frozenset({"KeyboardInterrupt", "SystemExit", "GeneratorExit", "CancelledError"})


def handler_types(ctx: Context, cur: Cursor, node: n.Expr | None) -> tuple[str, ...]:
    """What an ``except`` clause names.

    ``*`` for everything, ``Exception``, a class of sqlalchemy.exc by its name, ``base`` for what is no ``Exception``,
    ``project`` for a class of the project, ``other`` for any other class, ``?`` for what is not known.
    """
    from sqla_lint.flow.evaluation.evaluate import expr

    if node is None:
        return ("*",)
    return types_of(expr(ctx, cur, node))


def types_of(value: Value) -> tuple[str, ...]:
    """The same for the value of such a clause, or of an argument of ``suppress``."""
    if isinstance(value, Pair):
        return tuple(one for item in value.items for one in types_of(item))
    if isinstance(value, Many):
        return types_of(value.item)
    if isinstance(value, ClassValue):
        return ("project",)
    return (named(value.name),) if isinstance(value, Outside) else ("?",)


def named(dotted: str) -> str:
    """What a class from outside the project is to a handler."""
    package, _, name = dotted.rpartition(".")
    if package == "builtins" and name in ("BaseException", "Exception"):
        return "*" if name == "BaseException" else "Exception"
    if name in _BASE_ONLY:
        return "base"
    return name if package.split(".")[0] == "sqlalchemy" else "other"


def catches(raised: Raised, types: tuple[str, ...]) -> bool | None:
    """Whether a handler of *types* catches what was raised; None where it may."""
    results = [_catches(raised, one) for one in types]
    if True in results:
        return True
    return None if None in results else False


def _catches(raised: Raised, one: str) -> bool | None:
    if one == "*":
        return True
    if one in raised.missed and one not in ("?", "other", "project"):
        return False
    if one in api.DATABASE_ERRORS and api.CATCH_ALL_ERRORS & raised.missed:
        return False
    if raised.label == "database":
        if one == "Exception" or one in api.CATCH_ALL_ERRORS:
            return True
        return None if one in api.DATABASE_ERRORS or one == "?" else False
    if raised.label == "base":
        return None if one in ("base", "?") else False
    if raised.type == "other" and one in api.DATABASE_ERRORS | api.RESULT_ERRORS:
        return False
    if raised.type is not None and one not in ("Exception", "?"):
        return True if raised.type == one else None
    if one == "Exception":
        return True
    return None
