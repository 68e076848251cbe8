"""From paths to projects: what belongs together is read together."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sqla_lint import discovery, jinja_files
from sqla_lint.config import Settings
from sqla_lint.source import Source, Unreadable, read

_CONCERNED = re.compile(rb"sqlalchemy|sqlmodel", re.IGNORECASE)


class Project(NamedTuple):
    """One project: all that could be read of it, and what is to be judged.

    *templates* are files that its views render, by path.
    """

    root: Path
    files: Mapping[str, Source]
    targets: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
    templates: Mapping[str, Source] = MappingProxyType({})


def gather(
    files: Sequence[str], arguments: Sequence[Path], settings: Settings, stdin: Source | Unreadable | None
) -> list[Project]:
    """The projects that *files* belong to, each read as a whole and with its share of *files* as targets.

    Args:
        files: the absolute paths to judge.
        arguments: what the run was given; decides the project of files that have no project folder.
        settings: ``project`` overrides the search.
        stdin: stands in for what its path holds on disk.
    """
    return [_read(root, targets, stdin) for root, targets in by_root(files, arguments, settings).items()]


def by_root(files: Sequence[str], arguments: Sequence[Path], settings: Settings) -> dict[Path, list[str]]:
    """*files* by the folder of the project that they belong to, both sorted; arguments as for :func:`gather`."""
    by_folder: dict[str, Path] = {}
    found: dict[Path, list[str]] = {}
    for path in sorted(files):
        folder = os.path.dirname(path)
        if folder not in by_folder:
            by_folder[folder] = settings.project or discovery.project_root(Path(folder), arguments)
        found.setdefault(Path(os.path.abspath(by_folder[folder])), []).append(path)
    return dict(sorted(found.items()))


def _read(root: Path, targets: Sequence[str], stdin: Source | Unreadable | None) -> Project:
    paths = sorted({*discovery.project_files(root), *targets})
    contents = [stdin if stdin and stdin.path == path else read(path) for path in paths]
    files = {content.path: content for content in contents if isinstance(content, Source)}
    unreadable = tuple(content for content in contents if isinstance(content, Unreadable))
    templates = jinja_files.gather(root, (source.data for source in files.values()))
    return Project(root, files, tuple(targets), unreadable, templates)


def is_concerned(contents: Iterable[bytes], settings: Settings) -> bool:
    """Whether files with these contents could have a session of ours; else the project is not analysed."""
    if settings.session_factories or settings.session_scopes or settings.managed_sessions:
        return True
    return any(_CONCERNED.search(content) for content in contents)
