"""A sign of life on a terminal for a run that takes longer than a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

_QUIET_SECONDS: Final = 1.0
_STEP_SECONDS: Final = 0.1
_WIDTH: Final = 24
_BLOCK: Final = 6


@contextmanager
def moving_bar(stream: TextIO, *, shown: bool, label: str = "checking") -> Iterator[None]:
    """Draw a moving bar with the elapsed seconds on *stream* while the block runs, and wipe it at the end.

    Args:
        stream: where to draw; a terminal.
        shown: False draws nothing.
        label: what the run is doing.
    """
    if not shown:
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_draw, args=(stream, label, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _draw(stream: TextIO, label: str, done: threading.Event) -> None:
    started = time.monotonic()
    if done.wait(_QUIET_SECONDS):
        return
    step = 0
    while not done.wait(_STEP_SECONDS):
        stream.write(f"\r{label} {bar(step)} {time.monotonic() - started:.0f} s")
        stream.flush()
        step += 1
    stream.write("\r\x1b[K")
    stream.flush()


def bar(step: int) -> str:
    """The bar after so many steps: a block that goes to and fro."""
    room = _WIDTH - _BLOCK
    position = room - abs(step % (2 * room) - room)
    return "[" + " " * position + "=" * _BLOCK + " " * (room - position) + "]"
