from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from conftest import Run

import sqla_lint
from sqla_lint import Settings, baseline
from sqla_lint.config import ConfigError

Command = Callable[..., Result]
HEAD = "import sqlalchemy\n"
CONCISE = ("--format", "concise")


def put(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text)


def lines(result: Result) -> list[str]:
    return result.stdout.splitlines()


@pytest.fixture
def written(project: Path, command: Command) -> Path:
    """A project with two known findings, one of them in a function."""
    put("a.py", "bad_401()\ndef f():\n    bad_301()\n")
    put("pkg/b.py", "x = 1\n")
    result = command("--write-baseline", "known.json", *CONCISE)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "2 files checked; 0 findings; 2 more in the baseline known.json" in result.stderr
    return project / "known.json"


class TestWhatIsNew:
    def test_nothing_is_new_at_first(self, written: Path, command: Command) -> None:
        result = command("--baseline", "known.json", *CONCISE)
        assert (result.exit_code, result.stdout) == (0, "")
        assert "0 findings; 2 more in the baseline\n" in result.stderr
        assert len(lines(command(*CONCISE))) == 2

    def test_lines_may_move_and_be_indented(self, written: Path, command: Command) -> None:
        put("a.py", "\n\nif sqlalchemy:\n    bad_401()\nx = 1\ndef f():\n    with x:\n        bad_301()\n" * 1)
        # The stand-in takes an indented line for one in a function.
        assert lines(command("--baseline", "known.json", *CONCISE)) == ["a.py:5:5: SES401 `bad_401` is bad"]
        put("a.py", "\n\n\ndef f():\n    with x:\n        bad_301()\nbad_401()\n")
        assert command("--baseline", "known.json").exit_code == 0

    @pytest.mark.parametrize(
        "name, text, new",
        [
            ("a.py", "bad_401()\nbad_401()\n", ["a.py:3:1: SES401 `bad_401` is bad"]),
            ("a.py", "bad_401(); bad_401()\n", ["a.py:2:1: SES401 `bad_401` is bad", "a.py:2:12: SES401 `bad_401` is bad"]),
            ("a.py", "x = bad_401()\n", ["a.py:2:5: SES401 `bad_401` is bad"]),
            ("a.py", "bad_301()\n", ["a.py:2:1: SES301 `bad_301` is bad"]),
            ("pkg/b.py", "bad_401()\n", ["pkg/b.py:2:1: SES401 `bad_401` is bad"]),
        ],
    )  # fmt: skip
    def test_new(self, written: Path, command: Command, name: str, text: str, new: list[str]) -> None:
        put(name, text)
        assert lines(command("--baseline", "known.json", *CONCISE)) == new

    def test_as_many_as_were_known(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\n" * 3)
        command("--write-baseline", "known.json")
        assert [entry["count"] for entry in json.loads(Path("known.json").read_text())["findings"]] == [3]
        put("a.py", "bad_401()\n" * 5)
        assert len(lines(command("--baseline", "known.json", *CONCISE))) == 2
        put("a.py", "bad_401()\n")
        assert command("--baseline", "known.json").exit_code == 0

    def test_what_does_not_parse_can_be_known(self, project: Path, command: Command) -> None:
        put("a.py", "def f(:\n")
        Path("b.py").write_bytes(b"'\xff'\n")
        command("--write-baseline", "known.json")
        assert command("--baseline", "known.json").exit_code == 0

    def test_suppressions_come_first(self, written: Path, command: Command) -> None:
        put("a.py", "'''\n'''; bad_401()  # noqa\nbad_401()\n")
        assert command("--baseline", "known.json", "--extend-select", "SES001").exit_code == 0


class TestWhere:
    def test_the_setting_is_relative_to_its_file(self, written: Path, command: Command) -> None:
        (written.parent / "pyproject.toml").write_text("[tool.sqla-lint]\nbaseline = 'known.json'\n")
        assert command().exit_code == 0
        os.chdir("pkg")
        assert command("../a.py").exit_code == 0
        assert command("../a.py", "--isolated").exit_code == 1
        assert sqla_lint.check([written.parent]).known == 2

    def test_paths_are_relative_to_the_baseline(self, project: Path, command: Command) -> None:
        put("app/a.py", "bad_401()\n")
        Path("ci").mkdir()
        command("--write-baseline", "ci/known.json")
        assert json.loads(Path("ci/known.json").read_text())["findings"][0]["path"] == "../app/a.py"
        os.chdir("app")
        assert command("--baseline", "../ci/known.json").exit_code == 0

    def test_a_folder_reached_by_a_link_is_the_same(self, written: Path, command: Command) -> None:
        Path("link").symlink_to(written.parent, target_is_directory=True)
        assert command("link/a.py", "--baseline", "link/known.json").exit_code == 0

    def test_writing_again_replaces(self, written: Path, command: Command) -> None:
        (written.parent / "pyproject.toml").write_text("[tool.sqla-lint]\nbaseline = 'known.json'\n")
        put("a.py", "bad_401()\nbad_201()\n")
        assert command("--write-baseline", "known.json").exit_code == 0
        assert command(*CONCISE).stdout == ""
        assert [entry["code"] for entry in json.loads(written.read_text())["findings"]] == ["SES201", "SES401"]
        names = {path.name for path in written.parent.iterdir()} - {".sqla_lint_cache"}
        assert sorted(names) == ["a.py", "known.json", "pkg", "pyproject.toml"]

    def test_flake8_reports_what_is_new(self, written: Path, process: Run) -> None:
        (written.parent / "pyproject.toml").write_text("[tool.sqla-lint]\nbaseline = 'known.json'\n")
        put("pkg/b.py", "bad_401()\n")
        found = process("flake8", "--isolated", "--select", "SES").stdout.decode().splitlines()
        assert found == ["./pkg/b.py:2:1: SES401 `bad_401` is bad"]
        written.unlink()
        broken = process("flake8", "--isolated", "--select", "SES")
        assert b"there is no such baseline" in broken.stdout + broken.stderr


class TestFix:
    def test_what_is_known_is_left_alone(self, written: Path, command: Command) -> None:
        put("a.py", "bad_401()\nbad_201()\ndef f():\n    bad_301()\n")
        assert command("--baseline", "known.json", "--fix").exit_code == 0
        assert Path("a.py").read_text() == HEAD + "bad_401()\ngood_201()\ndef f():\n    bad_301()\n"
        assert command("--baseline", "known.json", "--diff").stdout == ""


class TestErrors:
    @pytest.mark.parametrize(
        "content, words",
        [
            (b"", "is not JSON"),
            (b"{", "is not JSON"),
            (b"\xff\xfe\xfa", "is not JSON"),
            (b"[" * 100_000, "is not JSON"),
            (b"[]", 'does not say "version": 1'),
            (b'{"version": 2, "findings": []}', 'does not say "version": 1'),
            (b'{"version": 1}', 'has no list of "findings"'),
            (b'{"version": 1, "findings": {}}', 'has no list of "findings"'),
            (b'{"version": 1, "findings": [1]}', "number 1 of"),
            (b'{"version": 1, "findings": [{"path": "a", "code": "b", "text": 1}]}', "number 1 of"),
            (b'{"version": 1, "findings": [{"path": "a", "code": "b", "text": "c", "count": true}]}', "number 1 of"),
        ],
    )
    def test_corrupt(self, written: Path, command: Command, content: bytes, words: str) -> None:
        written.write_bytes(content)
        result = command("--baseline", "known.json")
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{written}: this is no baseline" in result.stderr
        assert words in result.stderr
        assert f"`sqla-lint --write-baseline {written}` writes a new one" in result.stderr

    def test_missing_and_unreadable(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\n")
        result = command("--baseline", "gone.json")
        assert result.exit_code == 2
        assert f"{project / 'gone.json'}: there is no such baseline; `sqla-lint --write-baseline" in result.stderr
        result = command("--baseline", ".")
        assert result.exit_code == 2
        assert f"{project}: the baseline cannot be read: Is a directory" in result.stderr
        with pytest.raises(ConfigError):
            sqla_lint.check(["a.py"], Settings(baseline="gone.json"))

    def test_what_cannot_be_written(self, project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        result = command("--write-baseline", "no/such/known.json")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "--write-baseline: no/such/known.json: No such file or directory" in result.stderr
        Path("known.json").write_text("old")
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        assert command("--write-baseline", "known.json").exit_code == 2
        assert Path("known.json").read_text() == "old"

    def test_flags_that_exclude_each_other(self, project: Path, command: Command) -> None:
        for other in (("--baseline", "x"), ("--fix",), ("--diff",)):
            result = command("--write-baseline", "known.json", *other)
            assert result.exit_code == 2
            assert f"--write-baseline and {other[0]} exclude each other" in result.stderr

    def test_a_run_with_problems_is_no_success(self, project: Path, command: Command) -> None:
        put("a.py", "bad_401()\n")
        assert command("--write-baseline", "known.json", "a.py", "gone.py").exit_code == 2
        assert command("--baseline", "known.json").exit_code == 0


def test_names_that_are_no_text_survive(project: Path) -> None:
    path = os.fsdecode(os.fsencode(project) + b"/\xff.py")
    found = sqla_lint.Finding(path, sqla_lint.Span(1, 1, 1, 2), "SES401", "x", "warning", "bad")
    baseline.write(project / "known.json", [found], {})
    assert baseline.new(baseline.load(project / "known.json"), [found, found], {}) == (found,)
