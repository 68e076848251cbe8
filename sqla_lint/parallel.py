"""Sharing work between processes that begin with all that this one knows.

The processes are forked, so nothing has to be sent to them; what they send back is JSON. A share whose process does not
end well is done again here, where what went wrong is seen.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, NoReturn, TypeVar

_T = TypeVar("_T")


class _Worker(NamedTuple):
    process: int
    reader: int


def shares(jobs: int | Literal["auto"], items: Sequence[_T]) -> list[Sequence[_T]]:
    """*items* dealt out in turns, one share for each process that is to work on them; at least one share.

    Args:
        jobs: how many processes there may be. ``"auto"`` is one: each process has to find out for itself what the
            others know of the functions that are called. Two took 75 to 90 % of the time of one, and 150 % of the work.
        items: what there is to do.
    """
    number = max(min(jobs, len(items)), 1) if jobs != "auto" and _can_fork() else 1
    return [items[first::number] for first in range(number)]


def _can_fork() -> bool:
    # On macOS a forked process may not use all of the system.
    return hasattr(os, "fork") and sys.platform != "darwin"


def done(shares: Sequence[Sequence[_T]], work: Callable[[Sequence[_T]], Any]) -> list[Any]:
    """What *work* gives for each share, as JSON would have it: the first is done here, each other in a process.

    Args:
        shares: what to do.
        work: does a share; gives what can be written as JSON.
    """
    workers: list[_Worker] = []
    try:
        workers.extend(_started(share, work) for share in shares[1:])
        outcomes = [_as_json(work(shares[0]))]
        for share in shares[1:]:
            sent = _sent(workers[0])
            workers.pop(0)
            outcomes.append(_as_json(work(share)) if sent is None else sent)
        return [json.loads(outcome) for outcome in outcomes]
    finally:
        for worker in workers:
            _end(worker)


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode("ascii")


def _started(share: Sequence[_T], work: Callable[[Sequence[_T]], Any]) -> _Worker:
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        _work(share, work, writer)
    os.close(writer)
    return _Worker(process, reader)


def _work(share: Sequence[_T], work: Callable[[Sequence[_T]], Any], writer: int) -> NoReturn:
    """In the new process: what goes wrong is said by nobody here, and what others left to do at exit is not done."""
    status = 1
    try:
        with open(writer, "wb") as pipe:
            pipe.write(_as_json(work(share)))
        status = 0
    finally:
        os._exit(status)


def _sent(worker: _Worker) -> bytes | None:
    """What a process sent, at its end; None if it did not end well."""
    with open(worker.reader, "rb", closefd=False) as pipe:
        data = pipe.read()
    status = os.waitpid(worker.process, 0)[1]
    os.close(worker.reader)
    return data if status == 0 and data else None


def _end(worker: _Worker) -> None:
    with contextlib.suppress(OSError):
        os.kill(worker.process, signal.SIGKILL)
        os.waitpid(worker.process, 0)
        os.close(worker.reader)
