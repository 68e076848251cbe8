"""Which calls run something beside the function that makes them: threads, processes, tasks, workers, responses."""

from __future__ import annotations

from typing import Final

# What is handed over: a callable with its arguments, a coroutine, several coroutines that run at the same time, or
# what a response reads after the function has returned.
THREAD, TASK, GATHER, STREAM = "thread", "task", "gather", "stream"

# By the last part of the name, of a name from outside the project (or of a method of what it gave).
OUTSIDE: Final[dict[str, dict[str, str]]] = {
    "threading": {"Thread": THREAD, "Timer": THREAD},
    "_thread": {"start_new_thread": THREAD},
    "multiprocessing": {
        "Process": THREAD, "apply_async": THREAD, "map": THREAD, "map_async": THREAD, "imap": THREAD,
        "imap_unordered": THREAD, "starmap": THREAD, "starmap_async": THREAD, "apply": THREAD,
    },
    "concurrent": {"submit": THREAD, "map": THREAD},
    "asyncio": {
        "gather": GATHER, "as_completed": GATHER, "wait": GATHER, "create_task": TASK, "ensure_future": TASK,
        "to_thread": THREAD, "run_in_executor": THREAD, "run_coroutine_threadsafe": TASK,
    },
    "anyio": {"run_sync": THREAD, "start_soon": THREAD, "start": THREAD},
    "trio": {"run_sync": THREAD, "start_soon": THREAD},
    "gevent": {"spawn": THREAD, "spawn_later": THREAD},
    "eventlet": {"spawn": THREAD, "spawn_n": THREAD},
    "starlette": {
        "run_in_threadpool": THREAD, "BackgroundTask": THREAD, "add_task": THREAD, "StreamingResponse": STREAM,
        "EventSourceResponse": STREAM,
    },
    "fastapi": {
        "run_in_threadpool": THREAD, "BackgroundTask": THREAD, "add_task": THREAD, "StreamingResponse": STREAM,
    },
    "sse_starlette": {"EventSourceResponse": STREAM},
    "asgiref": {"sync_to_async": THREAD},
    "rq": {"enqueue": THREAD, "enqueue_in": THREAD, "enqueue_at": THREAD},
}  # fmt: skip
# Methods of something that is not known, with names that say it all.
UNKNOWN_OWNER: Final[dict[str, str]] = {
    "run_in_executor": THREAD,
    "run_in_threadpool": THREAD,
    "run_coroutine_threadsafe": TASK,
    "create_task": TASK,
    "submit": THREAD,
    "apply_async": THREAD,
    "delay": THREAD,
    "send_task": THREAD,
    "add_task": THREAD,
    "add_job": THREAD,
    "start_soon": THREAD,
    "start_new_thread": THREAD,
}
# Of these methods of functions (Celery's tasks), everything that is handed over goes to another process.
OF_FUNCTIONS: Final = frozenset({"delay", "apply_async"})
# Where the receiver is not known, these are believed only if they are given something to call.
NEEDS_CALLABLE: Final = frozenset({"submit", "add_task", "add_job", "start_soon", "apply_async"})
# Classes whose subclasses run in a thread or process of their own.
RUNNERS: Final = ("threading.Thread", "threading.Timer", "multiprocessing.Process", "multiprocessing.context.Process")
# ``await wait_for(x)`` awaits x at once.
PASSES_ON: Final = frozenset({"wait_for", "shield", "timeout"})
# ``submit(...).result()`` waits at once.
RESULTS: Final = frozenset({"result", "get"})

NAMES: Final = frozenset(name for table in OUTSIDE.values() for name in table) | UNKNOWN_OWNER.keys()
# Words without which a function hands nothing over.
WORDS: Final = NAMES - {"map", "wait", "apply", "start", "get"} | {"ThreadPoolExecutor", "ProcessPoolExecutor", "Pool"}
# What is worth remembering of these packages: pools, task groups, loops.
HOLDERS: Final = tuple(OUTSIDE)


def kind(name: str) -> str | None:
    """What a call of a name from outside the project hands over; None for nothing.

    Args:
        name: its dotted name; for a method, that of the call that made the object, then the method.
    """
    package, _, rest = name.partition(".")
    return OUTSIDE.get(package, {}).get(rest.rpartition(".")[2])
