"""Which functions are worth solving, told by the words of their text."""

from __future__ import annotations

from collections.abc import Set

from sqla_lint import sqlalchemy_api as api
from sqla_lint.index.module import Function
from sqla_lint.index.project import Project

_ENDS = api.COMMITS | api.ROLLS_BACK
# What a coroutine may wait for without letting others run, or forget to await.
_ASKS = api.AWAITED | api.QUERY_RUNS | {"query"}


def mentioning(project: Project, words: Set[str], common: Set[str], rounds: int) -> frozenset[str]:
    """Names of functions that mention one of *words*, or, that many times over, the name of such a function.

    Args:
        project: whose functions.
        words: what they mention.
        common: names that lead no further, since everything mentions them.
        rounds: how often names found are looked for in turn.
    """
    names: set[str] = set()
    for _ in range(rounds):
        mentioned = (names - common) | words
        names |= {f.node.name for f in project.functions if f.words & mentioned}
    return frozenset(names)


def ends_or_asks(function: Function, committers: Set[str]) -> bool:
    """Whether a function may end a transaction, itself or for each round of a loop, or asks a session for something
    where others have to wait for it.
    """
    words = function.words
    if words & _ENDS or (function.node.is_async and words & _ASKS):
        return True
    return "for" in words and bool(words & committers)
