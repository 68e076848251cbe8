"""What loads a path of relationships with a query: ``selectinload(Owner.pets).joinedload(Pet.owner)``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from sqla_lint import sqlalchemy_api as api
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.row_values import Origin
from sqla_lint.index.module import Class
from sqla_lint.lower import nodes as n

Path: TypeAlias = "tuple[str, ...]"


class Step(NamedTuple):
    """One step of a path: *name* of *cls*, loaded by *option*."""

    option: str
    cls: Class
    name: str


def steps(world: World, root: Class, path: Path, origin: Origin, methods: frozenset[str]) -> tuple[Step, ...]:
    """How each step of *path* from *root* is loaded.

    Args:
        world: the project.
        root: the class of the query's rows.
        path: relationship names, with a deferred column as the last one perhaps.
        origin: the query, with the options that it has.
        methods: the query's methods.

    Raises:
        Refused: a step is not known, or the query says that it must not be loaded.
    """
    found: list[Step] = []
    cls: Class | None = root
    for index, name in enumerate(path):
        if cls is None:
            raise Refused(f"where {'.'.join(path[:index])} leads is not known")
        relation = world.mappings.relationship(cls, name)
        if relation is None:
            mapped = world.mappings.mapped(cls)
            if mapped is not None and name in world.columns.of(cls).keys() - mapped.deferred:
                # SQLAlchemy refuses to undefer what an option of the same query leaves out.
                raise Refused(f"the query says itself which columns of {cls.name} it loads")
            if mapped is None or name not in mapped.deferred:
                raise Refused(f"{cls.name}.{name} is not known as a relationship")
            found.append(Step("undefer", cls, name))
            cls = None
            continue
        if relation.lazy in api.DYNAMIC:
            raise Refused(f"{cls.name}.{name} is a query of its own, which nothing loads with others")
        strategies = {strategy for known, strategy in origin.options if known == path[: index + 1]}
        if strategies - api.EAGER:
            # SQLAlchemy refuses two strategies for one path.
            raise Refused(f"the query says itself how {cls.name}.{name} is loaded")
        by_query = strategies & api.EAGER and not origin.others
        loaded = by_query or (index < len(path) - 1 and relation.lazy in api.EAGER)
        found.append(Step("defaultload" if loaded else _option(relation.many, methods), cls, name))
        cls = relation.target
    return tuple(found)


def _option(many: bool | None, methods: frozenset[str]) -> str:
    return "joinedload" if many is False and not methods & api.NO_JOIN else "selectinload"


def longest(paths: Iterable[Path]) -> list[Path]:
    """*paths* in a fixed order, those left out that another goes on from."""
    found = sorted(set(paths))
    # What goes on from a path stands right behind it.
    return [path for path, behind in zip(found, [*found[1:], ()]) if behind[: len(path)] != path]


def written(parts: Sequence[Step], spelled: Callable[[Step], str], function: str) -> str:
    """The option as text; *function* is how the file writes the first step's function."""
    first, *rest = parts
    chained = "".join(f".{step.option}({spelled(step)})" for step in rest)
    return f"{function}({spelled(first)}){chained}"


def path_of(option: n.Expr) -> Path | None:
    """The path that an option in the source loads, where it is a chain of single steps."""
    names: list[str] = []
    while isinstance(option, n.Call):
        function = n.last_part(option.func)
        if len(option.args) != 1 or not isinstance(option.args[0], n.Attribute) or option.keywords:
            return None
        if api.LOADER_OPTIONS.get(function) not in api.EAGER | {"default"}:
            return None
        names.insert(0, option.args[0].attr)
        inner = option.func.value if isinstance(option.func, n.Attribute) else None
        if not isinstance(inner, n.Call):
            return tuple(names)
        option = inner
    return None
