"""The rules: one file each, found by walking this package.

A rule file has a docstring (its page: a title line, then "What it does", "Why it is bad", "Bad", "Good", "Fix" and
"Configuration" as far as they apply; the snippets under "Bad" and "Good" are run through the rule by a test) and these names:

``CODE``, ``NAME``, ``SEVERITY``
    what a finding carries.
``check(facts)``
    yields :class:`sqla_lint.rules.verdict.Verdict` for one function's solved facts.
``DEFAULT`` (True where absent)
    whether the rule is on unless it is named.
``SUPERSEDES`` (empty where absent)
    codes of rules that stay silent on the same session or value where this one speaks.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from sqla_lint.finding import Severity


class Rule(NamedTuple):
    """A rule as the rest of the program sees it: what it is called, what it says, and its check."""

    code: str
    name: str
    severity: Severity
    page: str
    default: bool
    supersedes: tuple[str, ...]
    check: Callable[..., Any]

    @property
    def title(self) -> str:
        """The first line of the rule's page, without its code and name."""
        return self.page.splitlines()[0].rstrip(".")


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, sorted by code. A module of this package without ``CODE`` is not a rule."""
    found: list[Rule] = []
    for entry in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{entry.name}")
        if hasattr(module, "CODE"):
            found.append(_rule(module))
    return tuple(sorted(found))


def _rule(module: Any) -> Rule:
    return Rule(
        code=module.CODE,
        name=module.NAME,
        severity=module.SEVERITY,
        page=inspect.cleandoc(module.__doc__),
        default=getattr(module, "DEFAULT", True),
        supersedes=getattr(module, "SUPERSEDES", ()),
        check=module.check,
    )
