"""Items of what a function was handed, where an annotation names the class of the project that they are of."""

from __future__ import annotations

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.values import UNKNOWN, FunctionValue, Parameter
from sqla_lint.index.annotations import last_name, unwrap
from sqla_lint.index.module import Class, Function


def method(ctx: Context, item: Parameter, name: str) -> Value:
    """The method *name* of an item: ``filters: list[Filter]`` says what ``filters[0].apply`` is, not what it holds."""
    cls = _class(ctx, item) if item.steps == ("[]",) else None
    found = ctx.world.method(cls, name) if cls is not None else None
    return FunctionValue(found, item) if found is not None and _is_plain(found) else UNKNOWN


def _class(ctx: Context, item: Parameter) -> Class | None:
    params = ctx.function.node.params if ctx.function is not None else ()
    annotation = next((p.annotation for p in params if p.name == item.name), None)
    inner, many = unwrap(annotation) if annotation is not None else (None, False)
    found = ctx.world.names.definition(ctx.path, inner) if inner is not None and many else None
    return found if isinstance(found, Class) and not ctx.world.mappings.is_mapped(found) else None


def _is_plain(function: Function) -> bool:
    return all(last_name(decorator) in ("abstractmethod", "override") for decorator in function.node.decorators)
