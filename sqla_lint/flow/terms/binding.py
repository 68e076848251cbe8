"""Which argument of a call goes to which parameter."""

from __future__ import annotations

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.row_values import LoaderOption, Pair, Record
from sqla_lint.flow.terms.values import UNKNOWN, Literal
from sqla_lint.index.module import Function
from sqla_lint.lower import nodes as n


def bind(
    function: Function,
    receiver: Value | None,
    args: list[Value],
    kwargs: dict[str, Value],
    spread: bool = False,
) -> dict[str, Value]:
    """Arguments by the parameters that take them; an argument that no plain parameter takes is not in it."""
    bound: dict[str, Value] = {}
    positional = [p for p in function.node.params if p.kind in ("pos", "normal")]
    values = ([receiver] if receiver is not None else []) + args
    for param, value in zip(positional, values):
        bound[param.name] = value
    bound.update(_options(function, values, len(positional)))
    for param in function.node.params:
        if param.kind in ("normal", "kwonly") and param.name in kwargs:
            bound[param.name] = kwargs[param.name]
        elif param.name not in bound and not spread and isinstance(param.default, n.Constant):
            bound[param.name] = Literal(param.default.value, param.default.kind)
    return bound if spread else bound | _more(function, kwargs)


def _more(function: Function, kwargs: dict[str, Value]) -> dict[str, Value]:
    """``**kwargs``: the constants that a call hands in by other names than the parameters have."""
    name = next((p.name for p in function.node.params if p.kind == "kwarg"), None)
    taken = {p.name for p in function.node.params}
    rest = {key: value for key, value in kwargs.items() if key not in taken}
    if name is None or not rest or not all(isinstance(value, Literal) for value in rest.values()):
        return {}
    return {name: Record(tuple(rest.values()), tuple(rest))}


def _options(function: Function, values: list[Value], taken: int) -> dict[str, Value]:
    """``*options``: the loader options, or none, that a call hands in after the parameters that are *taken*."""
    name = next((p.name for p in function.node.params if p.kind == "vararg"), None)
    rest = values[taken:]
    known = UNKNOWN not in values and all(isinstance(value, LoaderOption) for value in rest)
    return {name: Pair(tuple(rest))} if name is not None and known else {}
