from __future__ import annotations

import codecs
import os
import sys
import warnings
from pathlib import Path

import pytest

from sqla_lint.source import MAX_BYTES, Source, Unreadable, decode, from_text, parse, read


def decoded(data: bytes) -> Source:
    source = decode("/p/x.py", data)
    assert isinstance(source, Source), source
    return source


def refused(data: bytes) -> Unreadable:
    outcome = decode("/p/x.py", data)
    assert isinstance(outcome, Unreadable)
    return outcome


@pytest.mark.parametrize(
    "data, text, encoding",
    [
        (b"x = 'h\xc3\xa9'\n", "x = 'hé'\n", "utf-8"),
        (codecs.BOM_UTF8 + b"x = 1\r\n", "x = 1\r\n", "utf-8-sig"),
        (b"# coding: latin-1\nx = '\xe9'\n", "# coding: latin-1\nx = 'é'\n", "latin-1"),
        (
            b"#!/bin/x\n# vim: set fileencoding=cp1252 :\n'\x80'\n",
            "#!/bin/x\n# vim: set fileencoding=cp1252 :\n'€'\n",
            "cp1252",
        ),
        (b"# coding: latin-1 \xe9\n", "# coding: latin-1 é\n", "latin-1"),
        (b"#\r# coding: latin-1\rx = '\xe9'\r", "#\r# coding: latin-1\rx = 'é'\r", "latin-1"),
        (b"x = 1\n# coding: latin-1\n", "x = 1\n# coding: latin-1\n", "utf-8"),
        (b"# coding: UTF_8\n", "# coding: UTF_8\n", "utf-8"),
        (b"", "", "utf-8"),
    ],
)
def test_decoding_honours_mark_and_cookie(data: bytes, text: str, encoding: str) -> None:
    source = decoded(data)
    assert (source.text, source.encoding) == (text, encoding)
    assert source.text.encode(source.encoding) == data


@pytest.mark.parametrize(
    "data, line, column, words",
    [
        (b"a = 1\nb = '\xff'\n", 2, 6, "is not utf-8: byte 0xff"),
        (b"\xc3\xa9 = '\xff'\n", 1, 6, "is not utf-8"),
        (b"# coding: klingon\n", 1, 1, "klingon"),
        (b"# coding: rot13\nx\n", 1, 1, "rot13"),
        (b"# coding: ascii\r\nx = '\xe9'\r\n", 2, 6, "is not ascii"),
        (codecs.BOM_UTF8 + b"# coding: latin-1\n", 1, 1, "byte order mark"),
        (b"x = 1\ny\0 = 2\n", 2, 2, "NUL byte"),
        ("x = 1\n".encode("utf-16"), 1, 1, "UTF-16"),
        (b"#" * (MAX_BYTES + 1), 1, 1, "bytes are not read"),
    ],
)
def test_what_cannot_be_decoded_says_where_and_why(data: bytes, line: int, column: int, words: str) -> None:
    outcome = refused(data)
    assert (outcome.line, outcome.column) == (line, column)
    assert words in outcome.reason


def test_lines_end_where_the_tokenizer_ends_them() -> None:
    source = decoded("a\r\nb\rc\n\x0cd\x0b\x1c\x85\u2028e\n\nf".encode())
    assert source.lines == ("a\r\n", "b\r", "c\n", "\x0cd\x0b\x1c\x85\u2028e\n", "\n", "f")
    assert source.line(2) == "b"
    assert source.line(7) == source.line(0) == ""
    assert "".join(source.lines) == source.text


def test_reading_a_folder_a_pipe_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    for name in ("folder.py", "pipe.py", "loop.py", "missing.py", "nul\0.py"):
        outcome = read(str(tmp_path / name))
        assert isinstance(outcome, Unreadable), name
        assert outcome.reason.startswith("cannot be read: "), outcome


def test_reading_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    assert read(str(tmp_path / "x.py")) == Unreadable(str(tmp_path / "x.py"), 1, 1, "cannot be read: Permission denied")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.py"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES * 1000)
    outcome = read(str(path))
    assert isinstance(outcome, Unreadable)
    assert "are not read" in outcome.reason


def test_text_that_somebody_decoded_is_encoded_by_its_cookie() -> None:
    source = from_text("/p/x.py", "# coding: latin-1\nx = 'é'\n")
    assert isinstance(source, Source)
    assert source.data == b"# coding: latin-1\nx = '\xe9'\n"
    for odd in ("# coding: klingon\n", "# coding: ascii\né\n"):
        unencodable = from_text("/p/x.py", odd)
        assert isinstance(unencodable, Source)
        assert unencodable.text == odd


def test_a_tree_or_the_place_of_the_error() -> None:
    assert not isinstance(parse(decoded(b"x = 1\n")), Unreadable)
    outcome = parse(decoded("x = 1\né = ('é' !)\n".encode()))
    assert isinstance(outcome, Unreadable)
    assert (outcome.line, outcome.column) == (2, 10)
    assert outcome.reason == "syntax error: invalid syntax"


def test_old_prints_are_syntax_errors_without_talk_of_newer_versions() -> None:
    outcome = parse(decoded(b"print 'x'\n"))
    assert isinstance(outcome, Unreadable)
    assert "or later" not in outcome.reason


@pytest.mark.parametrize(
    "version, code",
    [
        ((3, 11), "try:\n    pass\nexcept* ValueError:\n    pass\n"),
        ((3, 12), "type X = int\n"),
        ((3, 12), "def f[T](x: T) -> T: ...\n"),
        ((3, 12), "class A[T]: ...\n"),
        ((3, 12), "x = f'{d['a']}'\n"),
        ((3, 14), "x = t'{a}'\n"),
        ((3, 14), "try:\n    pass\nexcept A, B:\n    pass\n"),
    ],
)
def test_newer_syntax_names_the_version_it_needs(version: tuple[int, int], code: str) -> None:
    outcome = parse(decoded(code.encode()))
    if sys.version_info >= version:
        assert not isinstance(outcome, Unreadable)
    else:
        assert isinstance(outcome, Unreadable)
        assert f"needs Python {version[0]}.{version[1]} or later" in outcome.reason
        assert "this is Python {}.{}".format(*sys.version_info) in outcome.reason


@pytest.mark.parametrize(
    "code", ["(" * 5000, "x" + ".a" * 50_000, "-" * 50_000 + "1", "x = " + "9" * 10_000, "\x0c\x0c\x0c if"]
)
def test_hostile_code_does_not_end_the_process(code: str) -> None:
    outcome = parse(decoded(code.encode()))
    if isinstance(outcome, Unreadable):
        assert outcome.line == 1


def test_no_warning_of_the_parsed_code_is_shown() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not isinstance(parse(decoded(b"x = '\\d' is 1\n")), Unreadable)
