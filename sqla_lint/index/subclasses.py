"""What the subclasses of a polymorphic class have that the class itself has not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sqla_lint.index.module import Class

Lineage = Callable[[Class], tuple[Class, ...]]


def declared(
    classes: Iterable[Class], lineage: Lineage, own: Callable[[Class], Iterable[str]]
) -> dict[str, list[Class]]:
    """The names of relationships that mapped *classes* below a polymorphic one declare, with the classes that do."""
    found: dict[str, list[Class]] = {}
    for cls in classes:
        if any("__mapper_args__" in {*base.assigned, *base.methods} for base in lineage(cls)[1:]):
            for name in own(cls):
                found.setdefault(name, []).append(cls)
    return found


def having(cls: Class, name: str, names: dict[str, list[Class]], lineage: Lineage) -> Class | None:
    """The one subclass of *cls* that has the relationship *name*: a row of which it is read must be one of these."""
    if name not in names or any(name in {*base.methods, *base.assigned} for base in lineage(cls)):
        return None
    found = list(_below(cls, names[name], lineage))
    return found[0] if len(found) == 1 else None


def _below(cls: Class, classes: Iterable[Class], lineage: Lineage) -> Iterator[Class]:
    return (one for one in classes if one is not cls and cls in lineage(one))
