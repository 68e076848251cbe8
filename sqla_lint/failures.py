"""The border at which a failure of the linter becomes a message."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqla_lint.outcome import InternalError

_T = TypeVar("_T")


def guarded(root: Path, run: Callable[[], _T], instead: _T) -> tuple[_T, tuple[InternalError, ...]]:
    """One project's failure is reported, with its place in the linter, and does not end the run for the others."""
    try:
        return run(), ()
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(place.filename)}:{place.lineno}"
        return instead, (InternalError(str(root), f"{type(error).__name__}: {error} ({where})"),)
