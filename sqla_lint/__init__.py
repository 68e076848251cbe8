"""A linter that finds misuse of SQLAlchemy sessions.

``check(paths, settings)`` is what the command calls; ``fix`` repairs. Everything else here is the values they take and
give. Names are imported when they are first used: importing this package alone costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqla_lint.config import ConfigError as ConfigError
    from sqla_lint.config import Settings as Settings
    from sqla_lint.engine import check as check
    from sqla_lint.engine import fix as fix
    from sqla_lint.finding import Edit as Edit
    from sqla_lint.finding import Finding as Finding
    from sqla_lint.finding import Fix as Fix
    from sqla_lint.finding import Related as Related
    from sqla_lint.finding import Span as Span
    from sqla_lint.report import FixReport as FixReport
    from sqla_lint.report import Report as Report
    from sqla_lint.source import Source as Source

__version__ = "0.1.0"

_HOMES = {
    "check": "engine", "fix": "engine", "Settings": "config", "ConfigError": "config", "Report": "report",
    "FixReport": "report", "Finding": "finding", "Fix": "finding", "Edit": "finding", "Related": "finding",
    "Span": "finding", "Source": "source",
}  # fmt: skip

__all__ = [
    "ConfigError",
    "Edit",
    "Finding",
    "Fix",
    "FixReport",
    "Related",
    "Report",
    "Settings",
    "Source",
    "Span",
    "__version__",
    "check",
    "fix",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
