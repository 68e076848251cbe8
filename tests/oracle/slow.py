"""Stand-ins for what is waited for: a sleep, an HTTP client, a process, mail."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import MagicMock, patch

from oracle.watch import Watch


@contextmanager
def stand_ins(watch: Watch, names: tuple[str, ...]) -> Iterator[list[tuple[str, bool]]]:
    """Replace the callables called *names*; the list tells of each call whether a connection was checked out in it."""
    calls: list[tuple[str, bool]] = []
    replaced = [patch(name, _stand_in(name, watch, calls)) for name in names]
    for each in replaced:
        each.start()
    try:
        yield calls
    finally:
        for each in replaced:
            each.stop()


def _stand_in(name: str, watch: Watch, calls: list[tuple[str, bool]]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        calls.append((name, bool(watch.out)))
        return MagicMock()

    async def call_and_wait(*args: Any, **kwargs: Any) -> Any:
        return call()

    return call_and_wait if inspect.iscoroutinefunction(_original(name)) else call


def _original(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    found: Any = __import__(module.split(".")[0])
    for part in [*module.split(".")[1:], attribute]:
        found = getattr(found, part)
    return found
