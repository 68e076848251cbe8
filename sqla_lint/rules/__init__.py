"""The rules: one file each, found by walking this package.

A rule file has a docstring (its page: a title line, then "What it does", "Why it is bad", "Bad", "Good", "Fix" and
"Configuration" as far as they apply; the snippets under "Bad" and "Good" are run through the rule by a test), ``CODE``,
``NAME`` and ``SEVERITY``, and of these what it needs:

``check(facts, world)``
    yields :class:`sqla_lint.rules.verdict.Verdict` for one function's solved facts.
``check_module(module, world)``
    the same for what a file binds at module and class level.
``check_handed(read, handed, world)``
    the same for a read in a loop over what callers hand in.
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
    check: Callable[..., Any] | None
    check_module: Callable[..., Any] | None
    check_handed: Callable[..., Any] | None

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
    return tuple(sorted(found, key=lambda rule: rule.code))


def _rule(module: Any) -> Rule:
    return Rule(
        code=module.CODE,
        name=module.NAME,
        severity=module.SEVERITY,
        page=inspect.cleandoc(module.__doc__),
        default=getattr(module, "DEFAULT", True),
        supersedes=getattr(module, "SUPERSEDES", ()),
        check=getattr(module, "check", None),
        check_module=getattr(module, "check_module", None),
        check_handed=getattr(module, "check_handed", None),
    )
