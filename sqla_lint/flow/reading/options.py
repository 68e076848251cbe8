"""Loader options: what each call of a chain of them adds, and what that comes to for the relationships on its path."""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.reading.strategies import ALL_COLUMNS
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.context import Context
from sqla_lint.flow.terms.row_values import LoaderOption, ModelAttribute, Options
from sqla_lint.flow.terms.state import Cursor
from sqla_lint.flow.terms.values import TRUE, Literal
from sqla_lint.lower import nodes as n


def option(strategy: str, args: list[Value], kwargs: dict[str, Value]) -> LoaderOption:
    """A loader option of SQLAlchemy, called by itself."""
    return loader_option(_raising(strategy, kwargs), args)


def loader_option(strategy: str, args: list[Value], start: LoaderOption | None = None) -> LoaderOption:
    """``joinedload(Owner.pets)``, or the next step of a chain. Only the last of several steps gets the strategy."""
    pairs: Options | None = start.pairs if start is not None else frozenset()
    path = start.end if start is not None else ()
    if strategy == "none":
        return LoaderOption(pairs, path)
    if strategy == "undefer-group":
        return LoaderOption(pairs | {((*path, ALL_COLUMNS), "undefer")} if pairs is not None else None, path)
    steps: list[str] = []
    for arg in args:
        if isinstance(arg, ModelAttribute):
            steps.append(arg.name)
        elif isinstance(arg, Literal) and isinstance(arg.value, str):
            steps.extend(arg.value.split("."))
        elif pairs is not None and strategy in ("only", *api.COLUMN_LOADS):
            # Which columns is not known; no relationship is loaded or left out by it.
            return LoaderOption(pairs | {((*path, ALL_COLUMNS), "unknown")}, path)
        else:
            return LoaderOption(None, path)
    end = (*path, *steps)
    if pairs is None:
        return LoaderOption(None, end)
    if strategy == "only":
        pairs = pairs | {((*path, ALL_COLUMNS), "defer"), *(((*path, name), "undefer") for name in steps)}
        return LoaderOption(pairs, path)
    if strategy in api.COLUMN_LOADS:
        return LoaderOption(pairs | {(end, strategy)}, path)
    if strategy != "default":
        pairs = pairs | {(end, strategy)}
    return LoaderOption(pairs, end)


def chained(ctx: Context, option: LoaderOption, name: str, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """A method of a loader option: the next step, or ``.options(...)`` for several below it."""
    if name == "options":
        pairs = option.pairs
        for arg in args:
            if not isinstance(arg, LoaderOption) or arg.pairs is None or pairs is None:
                return LoaderOption(None, option.end)
            pairs = pairs | {((*option.end, *path), strategy) for path, strategy in arg.pairs}
        return LoaderOption(pairs, option.end)
    strategy = api.LOADER_OPTIONS.get(name)
    return loader_option(_raising(strategy, kwargs), args, option) if strategy is not None else option


def chained_to(cur: Cursor, func: n.Attribute, option: LoaderOption) -> None:
    """What is chained to an option with a name is that one's as well: so it was before SQLAlchemy 2."""
    start = func.value
    while isinstance(start, n.Call) and isinstance(start.func, n.Attribute):
        start = start.func.value
    known = cur.env.get(start.id) if isinstance(start, n.Name) else None
    if isinstance(start, n.Name) and isinstance(known, LoaderOption):
        both = known.pairs | option.pairs if known.pairs is not None and option.pairs is not None else None
        cur.env[start.id] = known._replace(pairs=both)


def _raising(strategy: str, kwargs: dict[str, Value]) -> str:
    """``load_only(..., raiseload=True)`` never loads what it leaves out."""
    return "none" if strategy in ("only", "defer") and kwargs.get("raiseload") == TRUE else strategy
