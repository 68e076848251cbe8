"""Relationships that ``backref=`` makes on the other class, those of mixins for each class that has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqla_lint.index import written_texts
from sqla_lint.index.annotations import keyword
from sqla_lint.index.module import Class
from sqla_lint.lower import nodes as n

if TYPE_CHECKING:
    from sqla_lint.index.mapped import Mappings, Raw, Relationship


def every(mappings: Mappings) -> dict[tuple[Class, str], Relationship]:
    """All of them, by the class that has each and its name."""
    found: dict[tuple[Class, str], Relationship] = {}
    for classes in mappings.classes.classes_by_name.values():
        for cls in filter(mappings.keys.has_table, classes):
            for raw in _declared(mappings, cls):
                made = _made(mappings, raw, cls)
                if made is not None:
                    found.setdefault(made[0], made[1])
    return found


def _declared(mappings: Mappings, cls: Class) -> Iterator[Raw]:
    """What a class declares, itself or by its mixins; what a mapped base has from a mixin is that one's."""
    yield from mappings.declared(cls).values()
    bases = mappings.lineage(cls)[1:]
    theirs = {mixin for base in bases if mappings.keys.has_table(base) for mixin in mappings.lineage(base)}
    for mixin in bases:
        if mixin not in theirs:
            yield from mappings.declared(mixin).values()


def name_of(mappings: Mappings, raw: Raw, cls: Class) -> str | None:
    """The attribute that ``backref=`` makes on the other class."""
    value = keyword(raw.call, "backref") if raw.call is not None else None
    said = value.args[0] if isinstance(value, n.Call) and value.args else value
    name = written_texts.text(mappings.names, raw.owner.path, said, cls) if said is not None else None
    return name if name and written_texts.UNKNOWN not in name else None


def _made(mappings: Mappings, raw: Raw, cls: Class) -> tuple[tuple[Class, str], Relationship] | None:
    value = keyword(raw.call, "backref") if raw.call is not None else None
    name, target = name_of(mappings, raw, cls), mappings.target(raw, cls)
    if raw.call is None or value is None or name is None or target is None:
        return None
    forward = mappings.resolve(raw, cls)
    secondary = keyword(raw.call, "secondary") is not None
    many: bool | None = True if secondary else (None if forward.many is None else not forward.many)
    lazy: str | None = "select"
    if isinstance(value, n.Call):
        lazy = mappings.strategy(raw.owner, value)
        uselist = keyword(value, "uselist")
        if isinstance(uselist, n.Constant):
            many = bool(uselist.value)
    made = forward._replace(name=name, target=cls, many=many, lazy=lazy, inverse=raw.name)
    return (target, name), made._replace(join_depth=False, cascades=True)
