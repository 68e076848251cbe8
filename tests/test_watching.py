from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO

import pytest
import stand_in
from click.testing import Result

from sqla_lint import watching

Command = Callable[..., Result]
HEAD = "import sqlalchemy\n"


class Watched:
    """A command that watches, and what it says."""

    def __init__(self, *arguments: str) -> None:
        program = [sys.executable, stand_in.__file__, "sqla-lint", "--watch", "--format", "concise", *arguments]
        self.process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        self.out: Queue[str] = Queue()
        self.err: Queue[str] = Queue()
        for stream, queue in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            assert stream is not None
            Thread(target=_pump, args=(stream, queue), daemon=True).start()

    def round(self) -> list[str]:
        """All findings up to the next pause."""
        said = []
        while (line := self.err.get(timeout=60)) != "watching for changes; Ctrl-C ends\n":
            said.append(line.rstrip())
        self.said = said
        found = []
        while True:
            try:
                found.append(self.out.get(timeout=0.5).rstrip())
            except Empty:
                return found


def _pump(stream: IO[str], queue: Queue[str]) -> None:
    for line in stream:
        queue.put(line)


@pytest.fixture
def watched(project: Path) -> Iterator[Watched]:
    (project / "a.py").write_text(HEAD + "bad_401()\n")
    running = Watched()
    yield running
    running.process.kill()
    running.process.wait()


def put(path: Path, text: str) -> None:
    """Write a file in one step: a half-written one would be a change of its own."""
    (path.parent / "new").write_text(text)
    (path.parent / "new").replace(path)


def test_it_checks_again_as_files_change(project: Path, watched: Watched) -> None:
    assert watched.round() == ["a.py:2:1: SES401 `bad_401` is bad"]
    put(project / "a.py", HEAD + "\nbad_401()\n")
    assert watched.round() == ["a.py:3:1: SES401 `bad_401` is bad"]
    assert watched.said[0] == "changed: a.py"
    (project / "pkg").mkdir()
    put(project / "pkg/b.py", HEAD + "bad_301()\n")
    assert watched.round() == ["a.py:3:1: SES401 `bad_401` is bad", "pkg/b.py:2:1: SES301 `bad_301` is bad"]
    put(project / "pyproject.toml", "[tool.sqla-lint]\nignore = ['SES4']\n")
    assert watched.round() == ["pkg/b.py:2:1: SES301 `bad_301` is bad"]
    put(project / "pyproject.toml", "[tool.sqla-lint]\nignroe = ['SES4']\n")
    assert watched.round() == []
    assert "unknown key 'ignroe'; did you mean 'ignore'?" in watched.said[-1]
    put(project / ".sqla-lint.toml", "")
    assert len(watched.round()) == 2
    (project / "a.py").unlink()
    assert watched.round() == ["pkg/b.py:2:1: SES301 `bad_301` is bad"]
    watched.process.send_signal(signal.SIGINT)
    assert watched.process.wait(timeout=20) == 130
    assert watched.err.get(timeout=5) == "interrupted\n"


def test_usage(project: Path, command: Command) -> None:
    for other in (("--fix",), ("--diff",), ("--add-noqa",), ("--write-baseline", "x"), ("-",)):
        result = command("--watch", *other, input="")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "--watch" in result.stderr
    assert command("--watch", "--config", "gone.toml").exit_code == 2


def test_what_has_changed(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in "abc"]
    for name in names[:2]:
        Path(name).write_text("1")
    before = watching.state(names)
    Path(names[0]).write_text("12")
    Path(names[1]).unlink()
    Path(names[2]).touch()
    assert watching.wait_for_change(before, lambda: watching.state(names)) == names
    assert watching.wait_for_change({}, lambda: watching.state(names[:1])) == names[:1]
