from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqla_lint.changes import checked, edits, unified_diff, write_whole
from sqla_lint.finding import Edit, Span
from sqla_lint.source import Source, Unreadable, decode

TEXTS = st.text(st.sampled_from("ab \n\r\té"), max_size=40)


def source(path: Path | str, data: bytes) -> Source:
    decoded = decode(str(path), data)
    assert isinstance(decoded, Source)
    return decoded


def test_only_python_is_taken() -> None:
    assert isinstance(checked("/p/x.py", b"x = 1\n"), Source)
    assert isinstance(checked("/p/x.py", b"x = \n"), Unreadable)
    assert isinstance(checked("/p/x.py", b"x = '\xff'\n"), Unreadable)


def test_a_file_is_replaced_whole_with_its_mode_and_through_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.py", tmp_path / "link.py"
    real.write_bytes(b"a\r\n")
    real.chmod(0o751)
    link.symlink_to("real.py")
    write_whole(source(link, b"a\r\n"), source(link, b"b\r\n"))
    assert real.read_bytes() == b"b\r\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o751
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link.py", "real.py"]


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(b"theirs\n")
    with pytest.raises(OSError, match="changed by somebody else"):
        write_whole(source(path, b"a\n"), source(path, b"b\n"))
    assert path.read_bytes() == b"theirs\n"


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(b"a\n")

    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_whole(source(path, b"a\n"), source(path, b"b\n"))
    assert path.read_bytes() == b"a\n"
    assert os.listdir(tmp_path) == ["x.py"]


@pytest.mark.parametrize("name", ["plain.py", "with space.py", 'quo"te\\.py', "tab\there.py", "é.py"])
@pytest.mark.parametrize("tool", [["git", "apply"], ["patch", "-p1"]])
@pytest.mark.parametrize(
    "before, after",
    [
        (b"a\nb\nc\n", b"a\nB\nc\n"),
        (b"a\r\nb\r\nc\r\n", b"a\r\nB\r\nc\r\n"),
        (b"a\nb", b"a\nb\n"),
        (b"a\nb\n", b"a\nb"),
        (b"a\nb", b"a\nB"),
        (b"a\x0cb\xe9\n\x1cc\n", b"a\x0cb\xe9\n\x1cd\n"),
        (b"a\rb\rc", b"a\rB\rc"),
        (b"", b"x\n"),
        (b"x\n", b"y\n"),
    ],
)
def test_the_diff_applies_byte_for_byte(
    tmp_path: Path, name: str, tool: list[str], before: bytes, after: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(before)
    old = Source(str(path), before, before.decode("latin-1"), "latin-1")
    new = Source(str(path), after, after.decode("latin-1"), "latin-1")
    patch = unified_diff(old, new, name)
    arguments = [*tool, "--binary"] if tool[0] == "patch" else tool
    result = subprocess.run(arguments, input=patch, cwd=tmp_path, capture_output=True, check=False)
    assert result.returncode == 0, (result.stdout + result.stderr).decode()
    assert path.read_bytes() == after


def applied(old: Source, changes: tuple[Edit, ...]) -> str:
    starts = [0]
    for line in old.lines:
        starts.append(starts[-1] + len(line))
    text = old.text
    for edit in reversed(changes):
        span = edit.span
        start = starts[span.line - 1] + span.column - 1
        text = text[:start] + edit.content + text[starts[span.end_line - 1] + span.end_column - 1 :]
    return text


@given(TEXTS, TEXTS)
def test_edits_applied_give_the_new_text(before: str, after: str) -> None:
    old, new = source("/p/x.py", before.encode()), source("/p/x.py", after.encode())
    assert applied(old, edits(old, new)) == after


def test_edits_are_narrow() -> None:
    old, new = source("/p/x.py", b"a\nfoo(bad)\nc\n"), source("/p/x.py", b"a\nfoo(good)\nc\n")
    assert edits(old, new) == (Edit("/p/x.py", Span(2, 5, 2, 7), "goo"),)
