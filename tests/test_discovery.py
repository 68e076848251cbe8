from __future__ import annotations

import os
from pathlib import Path

import pytest

from sqla_lint import discovery
from sqla_lint.config import Settings


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(root: Path) -> list[str]:
    return [os.path.relpath(path, root) for path in discovery.project_files(root)]


def wanted(root: Path, *paths: str, **settings: object) -> list[str]:
    given = [root / path for path in paths]
    targets = discovery.targets(given, Settings(folder=root, **settings))  # type: ignore[arg-type]
    return [os.path.relpath(path, root) for path in targets.files]


def test_the_project_is_the_nearest_folder_with_a_marker(tmp_path: Path) -> None:
    make(tmp_path, "r/.git/HEAD", "r/sub/pyproject.toml", "r/sub/pkg/a.py", "r/b/c.py", "free/x/y.py", "free/z.py")
    assert discovery.project_root(tmp_path / "r/sub/pkg/a.py", []) == tmp_path / "r/sub"
    assert discovery.project_root(tmp_path / "r/b", []) == tmp_path / "r"
    arguments = [tmp_path / "free/x/y.py", tmp_path / "free/z.py"]
    assert discovery.project_root(tmp_path / "free/x/y.py", arguments) == tmp_path / "free"


def test_the_home_folder_is_never_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    make(tmp_path, ".git/HEAD", "pyproject.toml", "loose.py", "one/deep/a.py", "two/b.py")
    assert discovery.project_root(tmp_path / "one/deep/a.py", [tmp_path]) == tmp_path / "one"
    assert discovery.project_root(tmp_path / "one/deep/a.py", [tmp_path / "one/deep"]) == tmp_path / "one/deep"
    root = discovery.project_root(tmp_path / "loose.py", [tmp_path])
    assert found(root) == ["loose.py"]


def test_the_root_of_the_file_system_is_never_a_project() -> None:
    assert discovery.project_root(Path("/nowhere/at/all.py"), [Path("/nowhere"), Path("/elsewhere")]) == Path(
        "/nowhere"
    )


def test_folders_that_are_never_entered(tmp_path: Path) -> None:
    make(
        tmp_path, "a.py", "pkg/b.py", "pkg/notes.txt", ".git/x.py", ".venv/x.py", "node_modules/m/x.py", "pkg/__pycache__/x.py",
        ".tox/py/x.py", "lib/site-packages/x.py", "my_env/pyvenv.cfg", "my_env/x.py", "env/x.py", "x.egg-info/x.py",
        "setup.py", "build/lib/x.py", "dist/x.py", "pkg/build/__init__.py", "pkg/dist/x.py",
    )  # fmt: skip
    assert found(tmp_path) == ["a.py", "env/x.py", "pkg/b.py", "pkg/build/__init__.py", "pkg/dist/x.py", "setup.py"]


def test_git_ignore_files_of_every_level(tmp_path: Path) -> None:
    make(
        tmp_path,
        ".git/info/x",
        "a.py",
        "gen/a.py",
        "pkg/gen_a.py",
        "pkg/keep/gen_b.py",
        "pkg/only/here.py",
        "only/here.py",
        "local.py",
    )
    (tmp_path / ".git/info/exclude").write_text("/local.py\n")
    (tmp_path / ".gitignore").write_text("# generated\n/gen/\ngen_*.py\n\n!\n\\\n")
    (tmp_path / "pkg/.gitignore").write_text("/only/\n!keep/gen_b.py\n")
    assert found(tmp_path) == ["a.py", "only/here.py", "pkg/keep/gen_b.py"]
    assert wanted(tmp_path, "pkg") == ["pkg/keep/gen_b.py"]
    assert wanted(tmp_path, "pkg/only") == ["pkg/only/here.py"], "who names an ignored folder wants to see into it"
    assert wanted(tmp_path, "gen/a.py") == ["gen/a.py"]


def test_exclude_holds_for_what_is_found_and_not_for_what_is_known(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "migrations/v1/b.py", "pkg/c_pb2.py")
    exclude = ("migrations/", "*_pb2.py")
    assert wanted(tmp_path, ".", exclude=exclude) == ["a.py"]
    assert wanted(tmp_path, "migrations", exclude=exclude) == []
    assert wanted(tmp_path, "pkg/c_pb2.py", exclude=exclude) == ["pkg/c_pb2.py"]
    assert wanted(tmp_path, "a.py", "pkg/c_pb2.py", "migrations", exclude=exclude, force_exclude=True) == ["a.py"]
    assert found(tmp_path) == ["a.py", "migrations/v1/b.py", "pkg/c_pb2.py"]


def test_missing_paths_are_problems_and_the_rest_is_checked(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "noext")
    targets = discovery.targets(
        [tmp_path / "a.py", tmp_path / "gone.py", tmp_path / "noext"], Settings(folder=tmp_path)
    )
    assert targets.files == (str(tmp_path / "a.py"), str(tmp_path / "noext"))
    assert targets.problems == ((str(tmp_path / "gone.py"), "no such file or folder"),)


def test_links_pipes_and_odd_names_do_not_stop_the_walk(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "real/b.py")
    (tmp_path / "real/loop").symlink_to(tmp_path)
    (tmp_path / "self.py").symlink_to("self.py")
    (tmp_path / ".#lock.py").symlink_to("user@host.1")
    (tmp_path / "link.py").symlink_to("a.py")
    (tmp_path / "folder.py").mkdir()
    make(tmp_path, "folder.py/c.py")
    os.mkfifo(tmp_path / "pipe.py")
    with open(os.fsencode(tmp_path) + b"/\xff\xfe.py", "wb"):
        pass
    names = found(tmp_path)
    assert names == sorted(["a.py", "folder.py/c.py", "link.py", "real/b.py", os.fsdecode(b"\xff\xfe.py")])
    assert wanted(tmp_path, "real/loop") == [f"real/loop/{name}" for name in names], "a link given by name is walked"
    assert wanted(tmp_path, "self.py", "pipe.py") == ["pipe.py", "self.py"]


def test_a_folder_that_cannot_be_listed_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.py", "secret/b.py")
    real = os.scandir

    def scandir(folder: str) -> object:
        if folder.endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    targets = discovery.targets([tmp_path], Settings(folder=tmp_path))
    assert [os.path.basename(path) for path in targets.files] == ["a.py"]
    assert targets.problems == ((str(tmp_path / "secret"), "cannot be listed: Permission denied"),)


def test_a_very_deep_tree_is_walked(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 400)
    deep.mkdir(parents=True)
    (deep / "x.py").touch()
    assert len(found(tmp_path)) == 1
