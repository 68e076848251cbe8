"""Which functions mention certain words, or others that do."""

from __future__ import annotations

from collections.abc import Set

from sqla_lint.index.project import Project


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
