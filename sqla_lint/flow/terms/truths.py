"""What is known of two values, or of one, whatever the way: whether it is true, the same, or among others."""

from __future__ import annotations

from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.row_values import Pair
from sqla_lint.flow.terms.session_values import Session
from sqla_lint.flow.terms.values import ClassValue, FunctionValue, Instance, Literal


def truth(value: Value) -> bool | None:
    """Whether a value is true; None where that is not known."""
    if isinstance(value, Literal):
        return bool(value.value)
    if isinstance(value, (Session, ClassValue, FunctionValue)):
        return True
    if isinstance(value, Instance):
        # A global that functions set may be None still.
        is_set = value.path[:1] != ("%module",)
        return True if is_set and not {"__bool__", "__len__"} & value.cls.methods.keys() else None
    return None


def contains(right: Value, left: Literal) -> bool | None:
    """Whether a literal stands in a display of literals."""
    if isinstance(right, Pair) and all(isinstance(item, Literal) for item in right.items):
        return left in right.items
    return None


def identical(left: Value, right: Value) -> bool | None:
    """Whether two values are the same; None where that is not known."""
    if isinstance(left, Literal) and isinstance(right, Literal):
        return left == right
    for one, other in ((left, right), (right, left)):
        if one == Literal(None, "NoneType") and isinstance(other, Session):
            return False
    return None
