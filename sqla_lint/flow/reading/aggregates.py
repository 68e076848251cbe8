"""Queries that make one row of all: ``select(func.sum(Order.total))``."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.values import Outside


def is_one_row(args: list[Value]) -> bool:
    """Whether a query asks for aggregates alone, as long as it does not group."""
    return bool(args) and all(isinstance(arg, Outside) and _is_aggregate(arg.name) for arg in args)


def _is_aggregate(name: str) -> bool:
    """``sqlalchemy.func.sum.label``; what stands ``over`` a window is for each row."""
    package, _, rest = name.partition(".func.")
    function, _, after = rest.partition(".")
    return package in ("sqlalchemy", "sqlmodel") and function in api.AGGREGATES and after in ("", "label", "filter")
