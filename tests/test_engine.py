from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

import sqla_lint
from sqla_lint import Finding, Report, Settings, analysis, codemods
from sqla_lint.analysis import Analysis, InternalError
from sqla_lint.codemods import Repair
from sqla_lint.config import ConfigError
from sqla_lint.source import Source, decode

HEAD = "import sqlalchemy\n"


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + text)


def found(report: Report, root: Path) -> list[tuple[str, int, str]]:
    return [(os.path.relpath(each.path, root), each.span.line, each.code) for each in report.findings]


@pytest.mark.usefixtures("stub")
class TestCheck:
    def test_findings_are_sorted_and_counted(self, project: Path) -> None:
        put(project, b="bad_401()\nbad_301(); bad_201()\n", a__c="bad_301()\n", z="x = 1\n")
        report = sqla_lint.check([project])
        assert found(report, project) == [
            ("a/c.py", 2, "SES301"),
            ("b.py", 2, "SES401"),
            ("b.py", 3, "SES301"),
            ("b.py", 3, "SES201"),
        ]
        assert len(report.files) == 3
        assert (report.fixable, report.exit_code) == (4, 1)
        assert set(report.sources) == {str(project / "a/c.py"), str(project / "b.py")}

    def test_without_paths_the_current_folder_is_checked(self, project: Path) -> None:
        put(project, a="bad_401()\n")
        assert len(sqla_lint.check().findings) == 1

    def test_the_configuration_is_read_unless_settings_are_given(self, project: Path) -> None:
        put(project, a="bad_401()\nbad_301()\n")
        (project / "pyproject.toml").write_text("[tool.sqla-lint]\nignore = ['SES4']\n")
        assert found(sqla_lint.check(["a.py"]), project) == [("a.py", 3, "SES301")]
        assert len(sqla_lint.check(["a.py"], Settings()).findings) == 2
        (project / "pyproject.toml").write_text("[tool.sqla-lint]\nignore = 4\n")
        with pytest.raises(ConfigError):
            sqla_lint.check(["a.py"])

    def test_selection_and_per_file_ignores(self, project: Path) -> None:
        put(project, tests__a="bad_401()\nbad_301()\n", b="bad_401()\nbad_001()\n")
        ignores = (("tests/", ("SES4",)), ("b.py", ("SES000",)))
        report = sqla_lint.check([project], Settings(per_file_ignores=ignores))
        assert found(report, project) == [("b.py", 2, "SES401"), ("tests/a.py", 3, "SES301")]
        report = sqla_lint.check([project], Settings(select=("SES2",), extend_select=("SES001",)))
        assert found(report, project) == [("b.py", 3, "SES001")]

    def test_what_is_not_python_is_a_finding_and_the_rest_is_checked(self, project: Path) -> None:
        put(project, a="def f(:\n", b="bad_401()\n", c="x = 1\n")
        (project / "c.py").write_bytes(b"'\xff'\n")
        report = sqla_lint.check([project])
        assert found(report, project) == [("a.py", 2, "SES000"), ("b.py", 2, "SES401"), ("c.py", 1, "SES000")]
        assert report.exit_code == 1
        narrow = sqla_lint.check([project], Settings(select=("SES301",)))
        assert [code for _, _, code in found(narrow, project)] == ["SES000", "SES000"]
        assert found(sqla_lint.check([project], Settings(ignore=("SES000",))), project) == [("b.py", 2, "SES401")]

    def test_only_what_was_asked_for_is_reported_but_all_is_known(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[tuple[set[str], list[str]]] = []

        def analyse(
            root: Path, files: Mapping[str, Source], targets: list[str], settings: Settings, **_options: object
        ) -> Analysis:
            seen.append((set(files), list(targets)))
            return Analysis((finding(str(project / "a.py")), finding(str(project / "b.py"))))

        monkeypatch.setattr(analysis, "analyse", analyse)
        put(project, a="x\n", b="y\n", old__c="z\n")
        (project / "broken.py").write_text("def\n")
        report = sqla_lint.check(["a.py"], Settings(exclude=("old/",)))
        assert seen == [
            ({str(project / name) for name in ("a.py", "b.py", "old/c.py", "broken.py")}, [str(project / "a.py")])
        ]
        assert found(report, project) == [("a.py", 1, "SES401")]

    def test_each_project_is_analysed_by_itself(self, project: Path) -> None:
        put(project, a="crash()\n", sub__b="bad_401()\n")
        (project / "sub/pyproject.toml").touch()
        report = sqla_lint.check([project])
        assert found(report, project) == [("sub/b.py", 2, "SES401")]
        assert [error.path for error in report.errors] == [str(project)]
        assert "RuntimeError: the stand-in was told to crash (stand_in.py:" in report.errors[0].message
        assert report.exit_code == 2

    def test_a_crash_does_not_hide_syntax_errors(self, project: Path) -> None:
        put(project, a="crash()\n", b="def\n")
        report = sqla_lint.check([project])
        assert found(report, project) == [("b.py", 2, "SES000")]

    def test_a_project_without_sqlalchemy_is_not_analysed(self, project: Path) -> None:
        (project / "a.py").write_text("crash()\nbad_401()\n")
        (project / "b.py").write_text("def\n")
        report = sqla_lint.check([project])
        assert found(report, project) == [("b.py", 1, "SES000")]
        assert report.errors == ()
        assert sqla_lint.check(["a.py"], Settings(session_factories=("x.y",))).errors != ()

    def test_missing_paths(self, project: Path) -> None:
        put(project, a="bad_401()\n")
        report = sqla_lint.check(["a.py", "gone.py"])
        assert found(report, project) == [("a.py", 2, "SES401")]
        assert [problem.path for problem in report.problems] == [str(project / "gone.py")]
        assert report.exit_code == 2

    def test_a_source_stands_in_for_its_file(self, project: Path) -> None:
        put(project, a="bad_401()\n", b="bad_301()\n")
        stdin = decode(str(project / "a.py"), (HEAD + "\n\nbad_201()\n").encode())
        assert found(sqla_lint.check([], stdin=stdin), project) == [("a.py", 4, "SES201")]
        assert found(sqla_lint.check([project], stdin=stdin), project) == [("a.py", 4, "SES201"), ("b.py", 2, "SES301")]
        hidden = Settings(exclude=("a.py",), force_exclude=True, folder=project)
        assert sqla_lint.check([], hidden, stdin=stdin).files == ()

    def test_a_project_can_be_named(self, project: Path) -> None:
        put(project, a="x = 1\n", sub__b="bad_401()\n")
        (project / "sub/pyproject.toml").touch()
        assert sqla_lint.check(["sub"]).notes == ("1 files read",)
        assert sqla_lint.check(["sub"], Settings(project=project)).notes == ("2 files read",)

    def test_unused_suppressions_are_found(self, project: Path) -> None:
        put(project, a="x = 1  # noqa: SES401\nbad_401()  # noqa: SES401\n")
        assert found(sqla_lint.check(["a.py"]), project) == []
        settings = Settings(extend_select=("SES001",))
        assert found(sqla_lint.check(["a.py"], settings), project) == [("a.py", 2, "SES001")]

    def test_edits_are_given_when_asked_for(self, project: Path) -> None:
        put(project, a="bad_401()\nstubborn()\nbad_101()\n")
        assert [each.fix and each.fix.edits for each in sqla_lint.check(["a.py"]).findings] == [None, None, None]
        fixes = [each.fix for each in sqla_lint.check(["a.py"], Settings(edits=True)).findings]
        assert [fix and [(edit.span, edit.content) for edit in fix.edits or ()] for fix in fixes] == [
            [((2, 1, 2, 3), "goo")],
            None,
            [((4, 1, 4, 3), "goo")],
        ]


def finding(path: str) -> Finding:
    return Finding(path, sqla_lint.Span(1, 1, 1, 2), "SES401", "lazy-load-in-loop", "warning", "bad")


@pytest.mark.usefixtures("stub")
class TestFix:
    def test_safe_fixes_are_written_and_the_rest_is_left(self, project: Path) -> None:
        put(project, a="bad_401()\r\nbad_101()\nstubborn()\n")
        outcome = sqla_lint.fix(["a.py"])
        assert (project / "a.py").read_bytes() == (HEAD + "good_401()\r\nbad_101()\nstubborn()\n").encode()
        assert [each.code for each in outcome.fixed] == ["SES401"]
        assert [(each.code, reason) for each, reason in outcome.left] == [
            ("SES101", "its fix is unsafe"),
            ("SES301", "it is stubborn"),
        ]
        assert found(outcome.report, project) == [("a.py", 3, "SES101"), ("a.py", 4, "SES301")]
        assert list(outcome.after) == [str(project / "a.py")]

    def test_unsafe_fixes_are_applied_when_asked_for(self, project: Path) -> None:
        put(project, a="bad_401()\nbad_101()\n")
        outcome = sqla_lint.fix(["a.py"], Settings(unsafe_fixes=True))
        assert (project / "a.py").read_text() == HEAD + "good_401()\ngood_101()\n"
        assert (outcome.report.findings, outcome.report.exit_code) == ((), 0)

    def test_fixing_twice_changes_nothing(self, project: Path) -> None:
        put(project, a="bad_401()\n")
        sqla_lint.fix(["a.py"])
        assert sqla_lint.fix(["a.py"]).after == {}

    def test_nothing_is_written_if_only_the_outcome_is_wanted(self, project: Path) -> None:
        put(project, a="bad_401()\n")
        outcome = sqla_lint.fix(["a.py"], write=False)
        assert (project / "a.py").read_text() == HEAD + "bad_401()\n"
        assert outcome.after[str(project / "a.py")].text == HEAD + "good_401()\n"
        assert outcome.report.findings == ()

    def test_what_is_no_python_is_never_written(self, project: Path) -> None:
        put(project, a="broken_fix()\n", b="bad_401()\n")
        before = {path.name: path.read_bytes() for path in project.glob("*.py")}
        outcome = sqla_lint.fix([project])
        assert {path.name: path.read_bytes() for path in project.glob("*.py")} == before
        assert "its result would be no Python" in outcome.report.errors[0].message
        assert (outcome.fixed, outcome.report.exit_code) == ((), 2)
        assert len(outcome.report.findings) == 2

    def test_only_named_files_are_written(self, project: Path) -> None:
        put(project, a="far_fix()\nbad_401()\n", b="x = 1\n")
        outcome = sqla_lint.fix(["a.py"])
        assert (project / "b.py").read_text() == HEAD + "x = 1\n"
        assert (project / "a.py").read_text() == HEAD + "far_fix()\ngood_401()\n"
        assert [(each.span.line, reason) for each, reason in outcome.left] == [
            (2, "must write b.py, which was not named or is read-only")
        ]
        outcome = sqla_lint.fix(["a.py", "b.py"])
        assert (project / "b.py").read_text() == HEAD + "x = 1\n# near\n"
        assert outcome.report.findings == ()

    def test_suppressed_and_deselected_findings_are_not_fixed(self, project: Path) -> None:
        put(project, a="bad_401()  # noqa\nbad_301()\n")
        sqla_lint.fix(["a.py"], Settings(ignore=("SES3",)))
        assert (project / "a.py").read_text() == HEAD + "bad_401()  # noqa\nbad_301()\n"

    def test_standard_input_is_never_written(self, project: Path) -> None:
        put(project, a="bad_301()\n")
        stdin = decode(str(project / "a.py"), (HEAD + "bad_401()\n").encode())
        outcome = sqla_lint.fix([], stdin=stdin)
        assert outcome.after[str(project / "a.py")].text == HEAD + "good_401()\n"
        assert (project / "a.py").read_text() == HEAD + "bad_301()\n"

    def test_a_file_that_cannot_be_written_is_a_problem(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(project, a="bad_401()\n", b="bad_401()\n")

        def full(path: str, *arguments: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        outcome = sqla_lint.fix([project])
        assert [problem.reason for problem in outcome.report.problems] == [
            "cannot be written: No space left on device"
        ] * 2
        assert len(outcome.report.findings) == 2
        assert (outcome.fixed, outcome.report.exit_code) == ((), 2)

    def test_a_read_only_file_is_left_with_the_reason(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(project, a="bad_401()\n", b="bad_401()\n")
        monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("a.py"))
        outcome = sqla_lint.fix([project])
        assert [reason for _, reason in outcome.left] == ["must write a.py, which was not named or is read-only"]
        assert (project / "b.py").read_text() == HEAD + "good_401()\n"

    def test_a_crash_while_repairing_is_reported(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(project, a="bad_401()\n")

        def repair(*arguments: object, **options: object) -> Repair:
            raise KeyError("x")

        monkeypatch.setattr(codemods, "repair", repair)
        outcome = sqla_lint.fix([project])
        assert outcome.report.errors[0].message.startswith("KeyError: 'x' (test_engine.py:")
        assert len(outcome.report.findings) == 1


def test_the_package_offers_its_names_lazily() -> None:
    assert set(sqla_lint.__all__) == set(dir(sqla_lint))
    for name in sqla_lint.__all__:
        assert getattr(sqla_lint, name) is not None
    with pytest.raises(AttributeError):
        sqla_lint.nonsense  # noqa: B018
    assert InternalError("p", "m").path == "p"
