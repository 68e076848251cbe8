"""What the README says is so: what it shows is what is printed now, and what it tells to run or write is understood."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import readme
from click.testing import CliRunner

from sqla_lint import config
from sqla_lint.cli import command

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = readme.README.read_text("utf-8") if readme.README.exists() else ""
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
# What a shown command may begin with, and what shows that the arguments are understood, nothing being done.
PROGRAMS = {"sqla-lint", "flake8", "python", "bash"}


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


def commands() -> list[str]:
    """Each single command in the console blocks and in the text."""
    lines = [line for block in blocks("console") for line in block.splitlines()]
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    lines += [code for code in re.findall(r"`([^`\n]+)`", prose) if code.split()[0] in PROGRAMS and " " in code]
    return [part.strip() for line in lines for part in line.split("&&")]


@pytest.mark.parametrize("part", list(readme.PARTS))
def test_what_is_generated_is_current(part: str) -> None:
    assert TEXT.count(f"<!-- generated: {part} -->") == 1
    shown = re.search(rf"<!-- generated: {part} -->\n(.*?)<!-- end -->\n", TEXT, re.DOTALL)
    assert shown is not None
    assert shown[1] == readme.PARTS[part](), "bring it up to date: python -m tests.readme --write"


def test_nothing_else_is_marked_as_generated() -> None:
    assert sorted(re.findall(r"<!-- generated: (\S+) -->", TEXT)) == sorted(readme.PARTS)
    assert TEXT.count("<!-- end -->") == len(readme.PARTS)


def test_all_configuration_keys_are_listed(tmp_path: Path) -> None:
    section = TEXT.split("## Configuration")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)
    known = re.findall(r"^(?:# )?([a-z-]+) (?:=|is not set)", config.shown(config.Settings()), re.MULTILINE)
    assert sorted(listed) == sorted(known)


@pytest.mark.parametrize("name", ["pyproject.toml", config.OWN_FILE])
@pytest.mark.parametrize("snippet", blocks("toml"))
def test_configuration_that_is_shown_loads(snippet: str, name: str, tmp_path: Path) -> None:
    bare = snippet.replace("[tool.sqla-lint]\n", "").replace("[tool.sqla-lint.", "[")
    (tmp_path / name).write_text(snippet if name == "pyproject.toml" else bare)
    assert config.load(tmp_path / name) != config.Settings(folder=tmp_path, file=tmp_path / name)


@pytest.mark.parametrize("shown", [shown for shown in commands() if shown.startswith("sqla-lint")])
def test_flags_of_the_command_exist(shown: str, project: Path) -> None:
    arguments = shlex.split(shown)[1:]
    for argument in arguments:
        if argument.startswith(("app", "fixtures", "tests")):
            (project / argument).mkdir(parents=True, exist_ok=True)
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code in (0, 1), result.output


@pytest.mark.parametrize("shown", [shown for shown in commands() if shown.startswith("flake8")])
def test_flags_of_flake8_exist(shown: str, project: Path) -> None:
    (project / "app").mkdir()
    result = subprocess.run([sys.executable, "-m", *shlex.split(shown)], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("shown", [shown for shown in commands() if shown.startswith(("python", "bash"))])
def test_other_programs_exist(shown: str) -> None:
    program, *arguments = shlex.split(shown)
    if program == "bash":
        assert (readme.ROOT / arguments[0]).is_file()
    elif arguments[:3] == ["-m", "pip", "install"]:
        assert extras(arguments[-1]) <= extras_known(), shown
    elif arguments[:2] == ["-m", "pytest"]:
        assert all((readme.ROOT / path).exists() for path in arguments[2:] if not path.startswith("-"))
    else:
        assert arguments[0] == "-m"
        assert (readme.ROOT / (arguments[1].replace(".", "/") + ".py")).is_file()
        assert all((readme.ROOT / path).exists() for path in arguments[2:] if not path.startswith("-"))


def extras(requirement: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", requirement.partition("[")[2]))


def extras_known() -> set[str]:
    table = tomllib.loads((readme.ROOT / "pyproject.toml").read_text("utf-8"))
    return set(table["project"]["optional-dependencies"])


def test_every_console_command_is_looked_at() -> None:
    assert {shlex.split(shown)[0] for shown in commands()} <= PROGRAMS


@pytest.mark.parametrize("snippet", [block for block in blocks("yaml") if "repos:" in block])
def test_the_pre_commit_configuration_is_valid(snippet: str, tmp_path: Path) -> None:
    from pre_commit.clientlib import load_config, load_manifest

    path = tmp_path / ".pre-commit-config.yaml"
    path.write_text(snippet)
    hooks = {hook["id"] for hook in load_manifest(readme.ROOT / ".pre-commit-hooks.yaml")}
    used = {hook["id"] for repo in load_config(path)["repos"] for hook in repo["hooks"]}
    assert used
    assert used <= hooks
    assert all(f"`{hook}`" in TEXT or f"id: {hook}" in TEXT for hook in hooks)


@pytest.mark.parametrize("snippet", [block for block in blocks("yaml") if "jobs:" in block])
def test_the_workflow_runs_what_exists(snippet: str, project: Path) -> None:
    runs = re.findall(r"- run: (.*)", snippet)
    assert any(run.startswith("sqla-lint") for run in runs)
    for run in runs:
        if run.startswith("sqla-lint"):
            assert CliRunner().invoke(command, shlex.split(run)[1:]).exit_code == 0


@pytest.mark.parametrize("comment", re.findall(r"# (?:noqa|sqla-lint).*", "".join(blocks("python"))))
def test_a_suppression_that_is_shown_suppresses(comment: str, project: Path) -> None:
    text = (readme.ROOT / "fixtures/readme/report.py").read_text("utf-8")
    models = (readme.ROOT / "fixtures/readme/models.py").read_text("utf-8")
    (project / "models.py").write_text(models)
    (project / "report.py").write_text(text)
    before = CliRunner().invoke(command, ["--format", "concise"]).stdout
    (project / "report.py").write_text(text.replace("LocalSession()\n", f"LocalSession()  {comment}\n"))
    after = CliRunner().invoke(command, ["--format", "concise"]).stdout
    assert "SES302" in before
    assert "SES302" not in after
    assert "SES401" in after
