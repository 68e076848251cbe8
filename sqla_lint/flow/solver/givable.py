"""What functions are solved again for: values that decide what they ask for, load, or read."""

from __future__ import annotations

from sqla_lint.flow.evaluation.containers import EMPTY
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import Alias, Dynamic, Entity, LoaderOption, Many, Pair, Query, Record
from sqla_lint.flow.terms.summary import Summary
from sqla_lint.flow.terms.values import FALSE, NONE, TRUE, UNKNOWN, ClassValue, FunctionValue, Literal
from sqla_lint.index.module import Class


def is_givable(ctx: Context, value: Value) -> bool:
    """Whether a function that would have to know a value is solved again for this one."""
    if isinstance(value, ClassValue):
        return ctx.world.mappings.is_mapped(value.cls) or _is_asked_itself(ctx, value.cls)
    if isinstance(value, Query):
        return any(isinstance(row, Entity) for row in (value.row, *getattr(value.row, "items", ())))
    if isinstance(value, Dynamic):
        return isinstance(value.row, Entity)
    if isinstance(value, FunctionValue):
        static = value.receiver is None or isinstance(value.receiver, ClassValue)
        return static and ctx.world.is_relevant(value.function) and _gives_or_reads(ctx.world.summary(value.function))
    if isinstance(value, Many):
        return value == EMPTY or isinstance(value.item, LoaderOption)
    if isinstance(value, Pair):
        return all(isinstance(item, LoaderOption) for item in value.items)
    if isinstance(value, Record):
        return all(isinstance(item, Literal) for item in value.values)
    return isinstance(value, (LoaderOption, Alias)) or value in (NONE, TRUE, FALSE)


def _is_asked_itself(ctx: Context, cls: Class) -> bool:
    """Whether a class is a schema, or has class methods that matter, or methods that may read of what it is made of."""
    if ctx.world.serializers.kind(cls) is not None:
        return True
    reads = ctx.world.reading_names | ctx.world.readers
    for owner in ctx.world.names.lineage(cls):
        if owner.methods.keys() & ctx.world.class_methods or any(m.words & reads for m in owner.methods.values()):
            return True
    return False


def _gives_or_reads(found: Summary) -> bool:
    """Whether it makes a difference to whoever calls it for rows that it is this function."""
    gives = found.returns is not None and not isinstance(found.returns, Literal) and found.returns != UNKNOWN
    return gives or bool(found.reads or found.wants or found.applies) or found.generator is not None or found.bounded
