"""What is kept of a run: the outcome of a project's analysis, valid as long as nothing that went into it changes.

An outcome has a *slot*, named by what was asked for (project, files to judge, settings), and a digest of everything
that it depends on: the bytes of all files, the settings, and the versions of this package, its parsers and Python. Only
an outcome with the right digest is used. It is plain JSON, since a repository could supply the folder.

No failure here is an error: an outcome that cannot be kept or read is made again, and a note says so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqla_lint import __version__, changes, jinja_files
from sqla_lint.config import Settings
from sqla_lint.outcome import Analysis, decoded
from sqla_lint.projects import Project

FOLDER: Final = ".sqla_lint_cache"
_IGNORE: Final = "# Written by sqla-lint.\n*\n"
_SLOT_NAME: Final = re.compile(r"[0-9a-f]{64}\.json|\.sqla-lint-\w+")
# Each set of files that is asked for has a slot of its own: a hook asks for another one with each commit.
_MOST_SLOTS: Final = 64
# Settings that decide nothing about what the analysis finds.
_IRRELEVANT: Final = frozenset({"jobs", "cache", "cache_dir", "baseline"})


class _Key(NamedTuple):
    slot: str
    digest: str


def kept(
    project: Project,
    targets: Sequence[str],
    settings: Settings,
    codes: Collection[str],
    edits: bool,
    run: Callable[[], Analysis],
) -> Analysis:
    """The outcome of *run* for these arguments, from the cache if it is there; it is kept if it is not.

    Args:
        project: all files of the project.
        targets: the files to judge.
        settings: ``cache_dir`` says where outcomes are kept.
        codes: the rules whose findings are wanted.
        edits: whether fixes say what they replace.
        run: the analysis.
    """
    key = _key(project, targets, settings, codes, edits)
    file = folder(project.root, settings) / f"{key.slot}.json"
    notes: list[str] = []
    try:
        known = _read(file, key)
    except FileNotFoundError:
        known = None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        notes.append(f"the cache is not used: {_reason(error)} ({file})")
        known = None
    if known is not None:
        return known
    outcome = run()
    if not outcome.errors:
        try:
            _write(file, key, outcome)
        except OSError as error:
            notes.append(f"nothing is kept in the cache: {_reason(error)} ({file.parent})")
    return outcome._replace(notes=(*outcome.notes, *dict.fromkeys(notes)))


def folder(root: Path, settings: Settings) -> Path:
    """Where the outcomes of the project in *root* are kept."""
    return settings.folder / settings.cache_dir if settings.cache_dir else root / FOLDER


def clear(folders: Iterable[Path]) -> None:
    """Delete what was kept in *folders*, and the folders if nothing else is in them.

    Raises:
        OSError: something cannot be deleted.
    """
    for place in folders:
        if not place.is_dir():
            continue
        for name in os.listdir(place):
            if _SLOT_NAME.fullmatch(name) or (name == ".gitignore" and _is_ours(place / name)):
                os.unlink(place / name)
        if not os.listdir(place):
            os.rmdir(place)


def _is_ours(ignore_file: Path) -> bool:
    return ignore_file.read_bytes() == _IGNORE.encode()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "what it holds is not what was written"


# --- what an outcome depends on


def _key(project: Project, targets: Sequence[str], settings: Settings, codes: Collection[str], edits: bool) -> _Key:
    relevant = [
        repr(getattr(settings, field.name)) for field in dataclasses.fields(settings) if field.name not in _IRRELEVANT
    ]
    asked = [str(project.root), list(targets), relevant, sorted(codes), edits]
    files, templates = (
        [[path, source.encoding, _hash(source.data)] for path, source in sorted(sources.items())]
        for sources in (project.files, project.templates)
    )
    return _Key(_hash_of(asked), _hash_of([*_versions(), asked, files, templates, sorted(project.unreadable)]))


@cache
def _versions() -> tuple[Any, ...]:
    try:
        libcst = version("libcst")
    except PackageNotFoundError:
        libcst = ""
    return __version__, _own_files(), libcst, jinja_files.version(), sys.version, sys.implementation.cache_tag


def _own_files() -> list[list[Any]]:
    """What tells one state of this package from another, even where its version stays the same."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return [[str(file), status.st_size, status.st_mtime_ns] for file in files for status in [file.stat()]]


def _hash_of(value: Any) -> str:
    return _hash(json.dumps(value).encode("ascii"))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- outcomes as text: a line with the digests of what it depends on and of itself, then JSON


def _read(file: Path, key: _Key) -> Analysis | None:
    """The outcome in *file*; None if it is that of another state.

    Raises:
        OSError: it cannot be read.
        ValueError, TypeError, RecursionError: it is not what was written.
    """
    head, _, body = file.read_bytes().partition(b"\n")
    if head.split(b" ")[0] != key.digest.encode():
        return None
    if head != f"{key.digest} {_hash(body)}".encode():
        raise ValueError("damaged")
    outcome = decoded(json.loads(body))
    if outcome.errors:
        raise ValueError("errors are not kept")
    return outcome


def _write(file: Path, key: _Key, outcome: Analysis) -> None:
    body = json.dumps(outcome).encode("ascii")
    if decoded(json.loads(body)) != outcome:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    if not (file.parent / ".gitignore").exists():
        changes.put_whole(str(file.parent / ".gitignore"), _IGNORE.encode())
    changes.put_whole(str(file), f"{key.digest} {_hash(body)}\n".encode() + body)
    _make_room(file.parent)


def _make_room(place: Path) -> None:
    slots = [entry for entry in os.scandir(place) if _SLOT_NAME.fullmatch(entry.name)]
    if len(slots) > _MOST_SLOTS:
        # Another run may be doing the same.
        with contextlib.suppress(FileNotFoundError):
            by_age = sorted(slots, key=lambda entry: entry.stat().st_mtime_ns)
            for entry in by_age[:-_MOST_SLOTS]:
                os.unlink(entry.path)
