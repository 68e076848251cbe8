from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stand_in
from click.testing import Result
from conftest import Run

import sqla_lint
from sqla_lint import Edit, Finding, Fix, Related, Settings, Span, analysis, cache
from sqla_lint.analysis import Analysis
from sqla_lint.cli import command as real_command
from sqla_lint.outcome import decoded
from sqla_lint.source import Unreadable

Command = Callable[..., Result]
HEAD = "import sqlalchemy\n"
CONCISE = ("--format", "concise")
FOLDER = Path(".sqla_lint_cache")


@pytest.fixture
def runs(command: Command, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files each analysis that really ran was to judge."""
    seen: list[int] = []

    def analyse(*arguments: object, **options: object) -> Analysis:
        seen.append(len(arguments[2]))  # type: ignore[arg-type]
        return stand_in.analyse(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(analysis, "analyse", analyse)
    return seen


@pytest.fixture(autouse=True)
def files(project: Path) -> None:
    put("a.py", "bad_401()\nstubborn()\n\nbad_101()\n")
    put("pkg/b.py", "def f():\n    bad_301()\n")


def put(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text)


def slots() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


def test_a_second_run_says_the_same_and_analyses_nothing(command: Command, runs: list[int]) -> None:
    for arguments in (
        CONCISE,
        ("--format", "json"),
        ("--format", "sarif"),
        ("--verbose",),
        ("--extend-select", "SES001"),
    ):
        put("a.py", "bad_401()\nstubborn()\n\nbad_101()\n")
        plain = command("--no-cache", *arguments)
        first, second = command(*arguments), command(*arguments)
        for result in (first, second):
            assert (result.stdout_bytes, result.stderr_bytes) == (plain.stdout_bytes, plain.stderr_bytes)
            assert result.exit_code == 1
    assert len(runs) == 2 * 5 - 2, "text, concise, json and --verbose ask for the same"


def test_nothing_is_written_without_a_cache_or_without_sqlalchemy(command: Command, runs: list[int]) -> None:
    command("--no-cache")
    sqla_lint.check()
    assert not FOLDER.exists()
    Path("a.py").write_text("x = 1\n")
    Path("pkg/b.py").write_text("x = 1\n")
    assert command().exit_code == 0
    assert not FOLDER.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda: put("a.py", "bad_401()\nbad_101()\n"),
        lambda: put("other/new.py", "x = 1\n"),
        lambda: Path("pkg/b.py").unlink(),
        lambda: Path("pkg/b.py").rename("pkg/c.py"),
        lambda: Path("pyproject.toml").write_text("[tool.sqla-lint]\nslow-calls = ['x.y']\n"),
        lambda: Path("pyproject.toml").write_text("[tool.sqla-lint]\nselect = ['SES4']\n"),
        lambda: Path("pkg/b.py").write_bytes(b"# coding: latin-1\n'\xff'\n"),
    ],
)
def test_what_changes_anything_is_seen(command: Command, runs: list[int], change: Callable[[], object]) -> None:
    command()
    assert len(runs) == 1
    command()
    assert len(runs) == 1
    change()
    after = command(*CONCISE)
    assert len(runs) == 2
    assert after.stdout == command("--no-cache", *CONCISE).stdout
    command()
    assert len(runs) == 3


def test_a_file_that_only_others_know_of_counts(command: Command, runs: list[int]) -> None:
    command("a.py")
    command("a.py")
    put("pkg/b.py", "x = 2\n")
    command("a.py")
    assert len(runs) == 2


def test_versions_count(command: Command, runs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    command()
    for number in range(3):
        monkeypatch.setattr(cache, "_versions", lambda number=number: (number,))
        command()
    assert len(runs) == 4


def test_each_question_has_its_answer(command: Command, runs: list[int]) -> None:
    for _ in range(2):
        command()
        command("a.py")
        command("--select", "SES4")
    assert runs == [2, 1, 2]
    result = command("-", "--stdin-filename", "a.py", *CONCISE, input=HEAD + "\nbad_401()\n")
    assert result.stdout == "a.py:3:1: SES401 `bad_401` is bad\n"
    assert len(slots()) == 3


def test_fixes_are_worked_out_anew(command: Command, runs: list[int]) -> None:
    command()
    command("--diff")
    command("--diff")
    assert len(runs) == 5
    command()
    assert len(runs) == 5, "what a fix would make of the files took nothing's place"
    command("--fix", "--unsafe-fixes")
    assert Path("a.py").read_text() == HEAD + "good_401()\nstubborn()\n\ngood_101()\n"
    assert command(*CONCISE).stdout == "a.py:3:1: SES301 `stubborn` is bad\n"


def test_where_it_is(command: Command, runs: list[int], tmp_path: Path) -> None:
    Path("sub").mkdir()
    Path("sub/pyproject.toml").touch()
    put("sub/c.py", "bad_401()\n")
    command()
    assert {path.parent for path in Path().rglob("*.json")} == {FOLDER, "sub" / FOLDER}
    assert (FOLDER / ".gitignore").read_text().splitlines()[-1] == "*"
    command("--cache-dir", str(tmp_path / "x/y"))
    assert len(list((tmp_path / "x/y").glob("*.json"))) == 2
    Path("pyproject.toml").write_text("[tool.sqla-lint]\ncache-dir = 'kept'\n")
    os.chdir("pkg")
    command(".")
    assert len(list(Path("../kept").glob("*.json"))) == 1


def test_clearing_deletes_what_is_ours(command: Command, runs: list[int]) -> None:
    command()
    assert command("--clear-cache", "--no-cache").exit_code == 1
    assert not FOLDER.exists()
    command()
    command("--clear-cache")
    assert (len(runs), len(slots())) == (4, 1)
    Path("mine").mkdir()
    Path("mine/notes.json").touch()
    Path("mine/.gitignore").write_text("x")
    command("--cache-dir", "mine")
    command("--cache-dir", "mine", "--clear-cache", "--no-cache")
    assert sorted(os.listdir("mine")) == [".gitignore", "notes.json"]
    assert command("--clear-cache", "--cache-dir", "gone", "--no-cache").exit_code == 1


def test_what_is_not_asked_for_any_more_goes(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MOST_SLOTS", 3)
    for number in range(6):
        put(f"m{number}.py", "bad_401()\n")
        command(f"m{number}.py")
    assert len(slots()) == 3


class TestTrouble:
    @pytest.mark.parametrize(
        "spoil",
        [
            lambda data: b"",
            lambda data: data[:70],
            lambda data: data[:-20],
            lambda data: data.replace(b"SES401", b"SES301"),
            lambda data: b"\xff" * 100,
            lambda data: data[:129] + b"\n" + b"[" * 100_000,
        ],
    )
    def test_damage_is_mended(self, command: Command, runs: list[int], spoil: Callable[[bytes], bytes]) -> None:
        expected = command(*CONCISE)
        [slot] = slots()
        slot.write_bytes(spoil(slot.read_bytes()))
        again = command(*CONCISE)
        assert (again.stdout, again.stderr, again.exit_code) == (expected.stdout, expected.stderr, 1)
        assert len(runs) == 2
        command()
        assert len(runs) == 2

    @pytest.mark.parametrize(
        "body",
        [
            [],
            {},
            [[], [], [], [1]],
            [[], [], [["p", "m"]], []],
            [[], [["p", "1", 1, "why"]], [], []],
            [[["p", [1, 1, 1, 2], "SES401", "x", "fatal", "m", None, [], None, None]], [], [], []],
            [[["p", [1, 1, 1, True], "SES401", "x", "error", "m", None, [], None, None]], [], [], []],
            [
                [["p", [1, 1, 1, 2], "SES401", "x", "error", "m", None, [], ["safe", "magic", "s", None], None]],
                [],
                [],
                [],
            ],
            [[["p", [1, 1, 1, 2], "SES401", "x", "error", "m", None, [1], None, None]], [], [], []],
        ],
    )
    def test_what_was_never_written_is_not_read(self, command: Command, runs: list[int], body: object) -> None:
        expected = command(*CONCISE)
        [slot] = slots()
        text = json.dumps(body).encode()
        digest = slot.read_bytes().split()[0].decode()
        slot.write_bytes(f"{digest} {cache._hash(text)}\n".encode() + text)
        again = command("--verbose", *CONCISE)
        assert (again.stdout, len(runs)) == (expected.stdout, 2)
        assert "note: the cache is not used: what it holds is not what was written" in again.stderr

    def test_a_folder_that_cannot_be_used(self, command: Command, runs: list[int]) -> None:
        FOLDER.write_text("a file")
        plain = command(*CONCISE, "--no-cache")
        result = command(*CONCISE)
        assert (result.stdout, result.stderr, result.exit_code) == (plain.stdout, plain.stderr, 1)
        assert "note: nothing is kept in the cache: " in command("--verbose").stderr
        assert command("--clear-cache").exit_code == 1
        assert FOLDER.read_text() == "a file"

    def test_a_folder_that_cannot_be_written(
        self, command: Command, runs: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(path: str, *arguments: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        assert command().exit_code == 1
        assert "note: nothing is kept in the cache: No space left on device (" in command("--verbose").stderr
        assert slots() == []

    def test_errors_are_not_kept(self, command: Command, runs: list[int]) -> None:
        put("a.py", "crash()\n")
        assert [command().exit_code for _ in range(2)] == [2, 2]
        assert len(runs) == 2
        assert slots() == []


def test_all_that_an_outcome_can_say_survives() -> None:
    span = Span(1, 2, 3, 4)
    fix = Fix("unsafe", "eager-load", "s", (Edit("/p\udcff", span, "é\n", True),))
    finding = Finding(
        "/p\udcff", span, "SES401", "n", "error", "m\u2028", "f.g", (Related("/q", span, "r"),), fix, "no"
    )
    outcome = Analysis((finding, finding._replace(fix=None, function=None)), (Unreadable("/u", 1, 2, "w"),), (), ("n",))
    assert decoded(json.loads(json.dumps(outcome))) == outcome


def test_no_setting_is_forgotten(project: Path) -> None:
    """Whatever a setting is, another value of it is another question, unless it is known to decide nothing."""
    from sqla_lint.projects import Project

    nothing = Project(project, {}, (), ())
    before = cache._key(nothing, [], Settings(), (), False)
    for name in Settings.__dataclass_fields__:
        changed: dict[str, Any] = {name: ("something",)}
        other = replace(Settings(), **changed)
        assert (cache._key(nothing, [], other, (), False) == before) == (name in cache._IRRELEVANT), name


def test_flake8_shares_it_between_its_processes(project: Path, process: Run) -> None:
    found = [process("flake8", "--isolated", "--select", "SES", jobs).stdout for jobs in ("-j1", "-j2")]
    assert found[0] == found[1]
    assert len(found[0].splitlines()) == 4
    assert len(slots()) == 1
    slot = slots()[0]
    text = slot.read_bytes().replace(b"is bad", b"is BAD")
    head, _, body = text.partition(b"\n")
    slot.write_bytes(head.split()[0] + b" " + cache._hash(body).encode() + b"\n" + body)
    again = process("flake8", "--isolated", "--select", "SES", "-j2").stdout
    assert again == found[0].replace(b"is bad", b"is BAD")


def test_the_real_analysis_is_kept_too(project: Path) -> None:
    from click.testing import CliRunner

    for name in ("models.py", "report.py"):
        (project / name).write_bytes((Path(__file__).parent.parent / "fixtures/readme" / name).read_bytes())
    for arguments in (CONCISE, ("--format", "sarif"), ("--verbose",)):
        results = [CliRunner().invoke(real_command, [*arguments, *more]) for more in (("--no-cache",), (), ())]
        assert len({(result.stdout, re.sub(r"0x\w+", "", result.stderr)) for result in results}) == 1
        assert "SES401" in results[0].stdout
