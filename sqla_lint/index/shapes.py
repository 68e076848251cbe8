"""What a serializer makes of a value: the attributes that it reads, and what it makes of each in turn."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sqla_lint.index.module import Class, Function
from sqla_lint.lower.nodes import Lambda, Pos

# Attribute names from a row on; a name that is a number picks an item of a collection.
Path: TypeAlias = "tuple[str, ...]"
Shape: TypeAlias = "Schema | Each"


class Each(NamedTuple):
    """A collection: *item* is made of each. *paged* if it may come as the ``items`` of a page."""

    item: Shape
    paged: bool = False
    kind: str = "each"


class Schema(NamedTuple):
    """One use of a schema class: *arguments* are what its type variables stand for, *only* and *exclude* the paths of
    fields that this use is confined to, or leaves out.
    """

    cls: Class
    arguments: tuple[tuple[str, Shape | None], ...] = ()
    only: frozenset[Path] | None = None
    exclude: frozenset[Path] = frozenset()
    kind: str = "schema"


class Field(NamedTuple):
    """A field of a schema, declared at *pos* of *file*.

    The first of *paths* that a row has is read, and *inner* made of what that gives; *runs* is code of the project's
    that is called with the row instead. *before* are validators that are called first, one after the other, with what
    was read: what the last returns is what *inner* is made of.
    """

    name: str
    pos: Pos
    file: str
    paths: tuple[Path, ...] = ()
    inner: Shape | None = None
    runs: Function | Lambda | None = None
    before: tuple[Function, ...] = ()
