from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sqla_lint.config import ConfigError, Settings, discover, load, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def written(folder: Path, text: str, name: str = ".sqla-lint.toml") -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


EVERYTHING = """
select = ["SES4", "close-before-return"]
extend-select = ["SES001"]
ignore = ["SES201"]
exclude = ["migrations/", "*_pb2.py"]
pattern = "base-mixin"
baseline = "known.json"
jobs = 2
cache-dir = ".cache"
session-factories = ["app.db.make_session"]
session-scopes = ["app.db.scope"]
managed-sessions = ["app.web.g.db"]
session-parameters = ["db"]
model-bases = ["app.models.Base"]
slow-calls = ["app.mail", "app.pdf.render"]

[per-file-ignores]
"tests/*" = ["SES3"]
"scripts/one.py" = ["lazy-load-in-loop"]
"""


def test_every_key_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, EVERYTHING)
    assert load(file) == Settings(
        select=("SES4", "SES301"),
        extend_select=("SES001",),
        ignore=("SES201",),
        per_file_ignores=(("tests/*", ("SES3",)), ("scripts/one.py", ("SES401",))),
        exclude=("migrations/", "*_pb2.py"),
        pattern="base-mixin",
        session_factories=("app.db.make_session",),
        session_scopes=("app.db.scope",),
        managed_sessions=("app.web.g.db",),
        session_parameters=("db",),
        model_bases=("app.models.Base",),
        slow_calls=("app.mail", "app.pdf.render"),
        baseline="known.json",
        jobs=2,
        cache_dir=".cache",
        folder=tmp_path,
        file=file,
    )


def test_settings_are_shown_as_toml_that_gives_them_again(tmp_path: Path) -> None:
    settings = load(written(tmp_path, EVERYTHING + '"a \\"b\\" \\\\c" = ["SES1"]\n'))
    text = shown(settings)
    assert str(settings.file) in text
    assert load(written(tmp_path, text)) == settings
    assert tomllib.loads(shown(Settings()))["jobs"] == "auto"


@pytest.mark.parametrize(
    "text, words",
    [
        ("selct = []", "unknown key 'selct'; did you mean 'select'?"),
        ("extend_select = []", "unknown key 'extend_select'; did you mean 'extend-select'?"),
        ("zzzzzzzz = 1", "unknown key 'zzzzzzzz'"),
        ("select = 'SES4'", "select: must be a list of strings, not a string"),
        ("select = [4]", "select: must be a list of strings, but holds a number"),
        ("select = ['SES4O1']", "select: unknown rule 'SES4O1'; did you mean 'SES401'?"),
        ("per-file-ignores = ['x']", "per-file-ignores: must be a table of patterns and lists of rules, not a list"),
        ("per-file-ignores = {a = 'SES4'}", "per-file-ignores: must be a list of strings"),
        ("per-file-ignores = {a = ['SES99']}", "per-file-ignores: unknown rule 'SES99'"),
        ("exclude = ['!']", "exclude: Invalid git pattern"),
        (
            "pattern = 'basemixin'",
            "pattern: must be 'context-manager' or 'base-mixin', not 'basemixin'; did you mean 'base-mixin'?",
        ),
        ("pattern = 1", "pattern: must be a string, not a number"),
        ("jobs = 0", "jobs: must be 'auto' or a number from 1 up"),
        ("jobs = true", "jobs: must be 'auto' or a number from 1 up"),
        ("session-factories = ['a b']", "session-factories: 'a b' is not a dotted name"),
        ("slow-calls = ['']", "slow-calls: '' is not a dotted name"),
        ("baseline = false", "baseline: must be a string, not a boolean"),
        ("select = [", "is not valid TOML"),
        ("a = 1\na = 2", "is not valid TOML"),
    ],
)
def test_what_is_wrong_names_the_file_the_key_and_the_right_word(tmp_path: Path, text: str, words: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert words in str(caught.value)


def test_files_that_are_no_toml_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe9'")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(tmp_path / "latin.toml")


def test_the_table_of_a_pyproject(tmp_path: Path) -> None:
    file = written(tmp_path, "[project]\nname = 'x'\n[tool.sqla-lint]\nignore = ['SES4']\n", "pyproject.toml")
    assert load(file).ignore == ("SES4",)
    assert load(written(tmp_path, "[tool.other]\n", "pyproject.toml")) == Settings(folder=tmp_path, file=file)
    with pytest.raises(ConfigError, match="must be a table"):
        load(written(tmp_path, "[tool]\nsqla-lint = 1\n", "pyproject.toml"))


def test_the_nearest_configuration_up_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    assert discover(deep) == Settings(folder=deep)
    top = written(tmp_path, "[tool.sqla-lint]\nignore = ['SES1']", "pyproject.toml")
    assert discover(deep).file == top
    written(deep, "[tool.black]\n", "pyproject.toml")
    assert discover(deep).file == top
    middle = written(tmp_path / "a", "ignore = ['SES2']")
    assert discover(deep).file == middle
    assert discover(deep).folder == tmp_path / "a"


def test_the_search_ends_at_the_repository_and_at_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "home" / "repository"
    (inner / ".git").mkdir(parents=True)
    written(tmp_path / "home", "ignore = ['SES4']")
    assert discover(inner).file is None
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    (inner / ".git").rmdir()
    own = written(tmp_path / "home", "ignore = ['SES4']")
    assert discover(inner).file == own
    own.unlink()
    written(tmp_path, "ignore = ['SES4']")
    assert discover(inner).file is None


def test_settings_are_frozen_and_can_be_keys() -> None:
    settings = Settings()
    assert hash(settings) == hash(replace(settings))
    with pytest.raises(AttributeError):
        settings.select = ("SES4",)  # type: ignore[misc]
