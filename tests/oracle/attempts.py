"""Calls that may fail, in this thread and in others."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

Call = Callable[[], Any]


def attempt(call: Call) -> tuple[Any, BaseException | None]:
    """What *call* returns (a coroutine is awaited) and what it raises."""
    try:
        result = call()
        return (asyncio.run(result) if inspect.iscoroutine(result) else result), None
    except (Exception, SystemExit) as error:
        return None, _without_frames(error)


def _without_frames(error: BaseException) -> BaseException:
    """Tracebacks keep the failed function's sessions alive: drop them, of the whole chain."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def from_two_threads(call: Call) -> None:
    """Run *call* in one thread and then in another.

    Raises:
        BaseException: the first that *call* raised.
    """
    errors: list[BaseException] = []

    def run() -> None:
        error = attempt(call)[1]
        if error is not None:
            errors.append(error)

    first, second = threading.Thread(target=run), threading.Thread(target=run)
    first.start()
    first.join()
    second.start()
    second.join()
    if errors:
        raise errors[0]
