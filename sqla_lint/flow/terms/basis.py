"""What every kind of value is made of."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

from sqla_lint.lower.nodes import Pos


class Value(Protocol):
    """Any kind of value; each is a frozen tuple of its own."""

    @property
    def kind(self) -> str: ...


# Where a loop begins: line and column.
LoopId: TypeAlias = tuple[int, int]


class Sid(NamedTuple):
    """Which session: *owner* says who must close it.

    ``local``
        created in this function, at *pos*.
    ``parameter``
        handed in by the caller; *path* is the parameter and the attributes from there.
    ``injected``
        handed in by a framework, which closes it.
    ``instance``
        kept on ``self``; *path* is how.
    ``module``
        bound at module level (*path* is file and name).
    ``registry``
        a ``scoped_session`` or Flask-SQLAlchemy's ``db.session``; *path* is file and name.
    ``closure``
        a variable of an enclosing function.
    """

    owner: str
    path: tuple[str, ...]
    pos: Pos | None = None
