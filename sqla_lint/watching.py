"""Waiting until something changes that a check depends on, by looking again and again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

_SHORTEST_PAUSE: Final = 0.3
# The share of time that may be spent on looking is one in so many.
_PAUSES_A_LOOK: Final = 10

# By path: when it was modified, its size, its inode; None if there is no such file.
State: TypeAlias = Mapping[str, "tuple[int, int, int] | None"]


def state(files: Iterable[str]) -> State:
    """What tells one state of these files from another."""
    return {path: _stamp(path) for path in files}


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def wait_for_change(before: State, look: Callable[[], State]) -> list[str]:
    """Return, sorted, the paths that have changed, come or gone since *before*, as soon as there are any.

    Args:
        before: the state that is known.
        look: gives the state of now.
    """
    while True:
        started = time.monotonic()
        now = look()
        changed = sorted(path for path in {*before, *now} if before.get(path) != now.get(path))
        if changed:
            return changed
        time.sleep(max(_SHORTEST_PAUSE, _PAUSES_A_LOOK * (time.monotonic() - started)))
