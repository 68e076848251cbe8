"""Which files: the project that a file belongs to, its files, and the ones to check."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pathspec import GitIgnoreSpec

from sqla_lint.config import Settings

_NEVER_ENTERED: Final = frozenset({
    ".git", ".hg", ".svn", ".bzr", ".venv", ".tox", ".nox", ".eggs", ".direnv", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".sqla_lint_cache", ".ipynb_checkpoints", "__pycache__", "__pypackages__", "node_modules",
    "site-packages",
})  # fmt: skip
_BUILT: Final = frozenset({"build", "dist"})
_TEMPLATES: Final = (".htm", ".html", ".j2", ".jinja", ".jinja2", ".txt", ".xhtml", ".xml")
_PACKAGING: Final = ("pyproject.toml", "setup.py", "setup.cfg")


class Problem(NamedTuple):
    """A path that was asked for and cannot be checked."""

    path: str
    reason: str


class Targets(NamedTuple):
    """The files to check, absolute and sorted, and what was asked for in vain."""

    files: tuple[str, ...]
    problems: tuple[Problem, ...]


class _Ignore(NamedTuple):
    """The ignore patterns of one folder."""

    folder: str
    spec: GitIgnoreSpec

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        relative = path[len(self.folder) :].lstrip(os.sep).replace(os.sep, "/")
        return self.spec.check_file(relative + "/" if is_folder else relative).include


def project_root(place: Path, arguments: Sequence[Path]) -> Path:
    """The project that a file or folder belongs to.

    That is the nearest folder up with ``pyproject.toml`` or ``.git``, else the common folder of the run's *arguments*;
    never the file system's root or the home folder, for which the folder right below it is taken.

    Args:
        place: the file or folder asked about.
        arguments: what the run was given.
    """
    start = Path(os.path.abspath(place))
    folder = start if start.is_dir() else start.parent
    for candidate in (folder, *folder.parents):
        if _too_wide(candidate):
            break
        if (candidate / "pyproject.toml").is_file() or (candidate / ".git").exists():
            return candidate
    common = common_folder(arguments)
    if common in (folder, *folder.parents) and not _too_wide(common):
        return common
    return _below_the_wide(folder)


def common_folder(paths: Sequence[Path]) -> Path:
    """The folder that holds all of *paths*; the current one if there is none."""
    folders = [path if path.is_dir() else path.parent for path in (Path(os.path.abspath(path)) for path in paths)]
    try:
        return Path(os.path.commonpath(folders)) if folders else Path.cwd()
    except ValueError:  # on different drives
        return Path.cwd()


def repository_root(place: Path) -> Path | None:
    """The nearest folder up from *place* that holds ``.git``, or None."""
    return next((folder for folder in (place, *place.parents) if (folder / ".git").exists()), None)


def targets(paths: Sequence[Path], settings: Settings) -> Targets:
    """The files to check: those given by name, and those found in the folders given.

    ``exclude`` holds for what is found; for what is given by name only under ``force_exclude``.

    Args:
        paths: files and folders.
        settings: ``exclude``, ``force_exclude`` and the folder that they are relative to.
    """
    found: set[str] = set()
    problems: list[Problem] = []
    excluded = _Ignore(str(settings.folder), GitIgnoreSpec.from_lines(settings.exclude))
    for path in paths:
        name = os.path.abspath(path)
        if settings.force_exclude and is_excluded(name, settings):
            continue
        if os.path.isdir(name):
            found.update(_walk(name, [excluded] if settings.exclude else [], problems))
        elif os.path.lexists(name):
            found.add(name)
        else:
            problems.append(Problem(name, "no such file or folder"))
    return Targets(tuple(sorted(found)), tuple(problems))


def is_excluded(path: str, settings: Settings) -> bool:
    """Whether ``exclude`` covers the absolute *path*."""
    return matches(path, settings.exclude, settings.folder)


def matches(path: str, globs: Sequence[str], folder: Path) -> bool:
    """Whether the absolute *path* lies in *folder* and one of *globs*, read as in a ``.gitignore`` there, covers it."""
    if not globs or not path.startswith(str(folder).rstrip(os.sep) + os.sep):
        return False
    return bool(_Ignore(str(folder), GitIgnoreSpec.from_lines(globs)).verdict(path, os.path.isdir(path)))


def project_files(root: Path) -> tuple[str, ...]:
    """Every Python file of the project in *root*, absolute and sorted.

    What ``exclude`` covers is among them: an excluded file gives no findings, but its models and sessions are known.
    """
    if _too_wide(root):
        return tuple(sorted(entry.path for entry in _entries(str(root), []) if _is_python(entry)))
    return tuple(sorted(_walk(str(root), [], [])))


def templates(root: Path, is_theirs: Callable[[str], bool]) -> tuple[str, ...]:
    """Every file of the project in *root* that may be a template: those below folders with a name that *is_theirs*."""
    if _too_wide(root):
        return ()

    def is_template(entry: os.DirEntry[str]) -> bool:
        folders = os.path.relpath(entry.path, root).split(os.sep)[:-1]
        return entry.name.endswith(_TEMPLATES) and any(map(is_theirs, folders)) and entry.is_file()

    return tuple(sorted(_walk(str(root), [], [], is_template)))


def _too_wide(folder: Path) -> bool:
    return folder == folder.parent or folder == Path.home()


def _below_the_wide(folder: Path) -> Path:
    ways = (folder, *folder.parents)
    return next((each for each in ways if _too_wide(each) or _too_wide(each.parent)), folder)


def _walk(
    top: str,
    excluded: Sequence[_Ignore],
    problems: list[Problem],
    is_wanted: Callable[[os.DirEntry[str]], bool] | None = None,
) -> Iterator[str]:
    """The files below *top*, Python's if nothing else is wanted. Links to folders are not followed, so there are no
    endless walks.
    """
    is_wanted = is_wanted or _is_python
    pending = [(top, _ignores_above(top))]
    while pending:
        folder, above = pending.pop()
        entries = list(_entries(folder, problems))
        ignores = above
        if any(entry.name == ".gitignore" for entry in entries):
            ignores = _with_ignore_file(above, folder, ".gitignore")
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not (_never_entered(entry, folder) or _ignored(entry.path, True, ignores, excluded)):
                    pending.append((entry.path, ignores))
            elif is_wanted(entry) and not _ignored(entry.path, False, ignores, excluded):
                yield entry.path


def _entries(folder: str, problems: list[Problem]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        problems.append(Problem(folder, f"cannot be listed: {error.strerror or error}"))
        return []


def _is_python(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.name.endswith(".py") and entry.is_file()
    except OSError:  # a link that leads back to itself
        return False


def _never_entered(entry: os.DirEntry[str], parent: str) -> bool:
    if entry.name in _NEVER_ENTERED or entry.name.endswith(".egg-info"):
        return True
    if entry.name in _BUILT and not os.path.exists(os.path.join(entry.path, "__init__.py")):
        return any(os.path.exists(os.path.join(parent, name)) for name in _PACKAGING)
    return os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))


def _ignored(path: str, is_folder: bool, ignores: Sequence[_Ignore], excluded: Sequence[_Ignore]) -> bool:
    if any(exclude.verdict(path, is_folder) for exclude in excluded if path.startswith(exclude.folder + os.sep)):
        return True
    for ignore in reversed(ignores):
        verdict = ignore.verdict(path, is_folder)
        if verdict is not None:
            return verdict
    return False


def _ignores_above(top: str) -> tuple[_Ignore, ...]:
    """The ignore files from the repository's root down to the folder above *top*.

    None where they ignore *top* itself: who names an ignored folder wants to see into it.
    """
    start = Path(top)
    root = repository_root(start)
    if root is None:
        return ()
    ignores = _with_ignore_file((), str(root), os.path.join(".git", "info", "exclude"))
    chain = [root, *reversed([folder for folder in start.parents if root in folder.parents])] if start != root else []
    for folder in chain:
        ignores = _with_ignore_file(ignores, str(folder), ".gitignore")
    inside = [folder for folder in (start, *start.parents) if root in folder.parents]
    return () if any(_ignored(str(folder), True, ignores, ()) for folder in inside) else ignores


def _with_ignore_file(above: tuple[_Ignore, ...], folder: str, name: str) -> tuple[_Ignore, ...]:
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as file:
            lines = [line for line in file.read().splitlines() if _is_pattern(line)]
    except OSError:
        return above
    return (*above, _Ignore(folder, GitIgnoreSpec.from_lines(lines))) if lines else above


def _is_pattern(line: str) -> bool:
    """Whether git would read a pattern here; it skips what it cannot read, where pathspec raises."""
    if not line.strip() or line.startswith("#"):
        return False
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
