"""The project's Jinja templates: which files these are, and how Jinja itself reads them.

Jinja is an optional extra; where it is not installed there are no templates.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from sqla_lint import discovery
from sqla_lint.source import Source, read

FOLDER = "templates"
# An application may be told to look into a folder of another name: ``mail_templates``.
_FOLDERS = re.compile(rf"{FOLDER}|\w[\w-]*[_-]{FOLDER}")
# Names of the calls that render a template: without one of them no template is read.
RENDERS = frozenset(
    {"render_template", "render_theme_template", "stream_template", "TemplateResponse", "get_template", "renderer"}
)
_RENDERS = re.compile(b"|".join(sorted(name.encode() for name in RENDERS)))
_EXTENSIONS = ("jinja2.ext.do", "jinja2.ext.i18n", "jinja2.ext.loopcontrols")
_MAX_BYTES = 500_000
_MAX_LOOPS = 10_000


class Template(NamedTuple):
    """A template that Jinja can read: *tree* is what it reads, *loops* a number for each place that repeats, *mentions*
    the names that it has.
    """

    source: Source
    tree: Any
    loops: Mapping[int, int]
    mentions: frozenset[str]


class Templates:
    """The templates of a project by the names that views give them, each parsed when it is first asked for."""

    def __init__(self, root: str, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._parsed: dict[str, Template | None] = {}
        self._paths: dict[str, list[str]] = {}
        self._numbers = {path: number for number, path in enumerate(sorted(sources))}
        self._prefixed: dict[str, list[str]] = {}
        self._elsewhere: dict[str, list[str]] = {}
        for path in sources:
            for above, folder, name in _names(os.path.relpath(path, root)):
                if folder == FOLDER:
                    self._paths.setdefault(name, []).append(path)
                    self._prefixed.setdefault(f"{above}/{name}", []).append(path)
                else:
                    self._elsewhere.setdefault(name, []).append(path)

    def __bool__(self) -> bool:
        return bool(self._sources)

    def find(self, name: str, handed: Collection[str] = ()) -> Template | None:
        """The one template of that name; None where there is none or several, or where Jinja cannot read it.

        Where a name stands for none, its first folder may be what a loader calls one of several folders of templates.
        Of several, the one is meant that alone mentions all that it is *handed*.
        """
        name = name.removeprefix("./")
        paths = self._paths.get(name) or self._prefixed.get(name) or self._elsewhere.get(name, [])
        found = [one for path in paths if (one := self._template(path)) is not None]
        if len(paths) > 1:
            found = [one for one in found if handed and one.mentions.issuperset(handed)]
        return found[0] if len(found) == 1 else None

    def _template(self, path: str) -> Template | None:
        if path not in self._parsed:
            self._parsed[path] = _parse(self._sources[path], self._numbers[path] * _MAX_LOOPS)
        return self._parsed[path]


NONE = Templates("", {})


def gather(root: Path, contents: Iterable[bytes]) -> dict[str, Source]:
    """The templates of the project in *root*, by path, if one of its files renders any."""
    if not is_installed() or not any(_RENDERS.search(content) for content in contents):
        return {}
    found = (read(path) for path in discovery.templates(root, is_folder))
    return {one.path: one for one in found if isinstance(one, Source) and len(one.data) <= _MAX_BYTES}


@cache
def is_installed() -> bool:
    """Whether Jinja can be imported."""
    return find_spec("jinja2") is not None


def version() -> str:
    """Jinja's version; empty without it."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("jinja2")
    except PackageNotFoundError:
        return ""


def _names(path: str) -> list[tuple[str, str, str]]:
    """What follows each folder of templates that a file lies in, with that folder and the one that holds it."""
    parts = ["", *path.replace(os.sep, "/").split("/")]
    found = [index for index, part in enumerate(parts[:-1]) if is_folder(part)]
    return [(parts[index - 1], parts[index], "/".join(parts[index + 1 :])) for index in found]


def is_folder(name: str) -> bool:
    """Whether templates lie in a folder of that name."""
    return _FOLDERS.fullmatch(name) is not None


def _parse(source: Source, first: int) -> Template | None:
    from jinja2 import Environment, TemplateError, nodes

    try:
        tree = Environment(extensions=_EXTENSIONS).parse(source.text)
        repeating = list(tree.find_all((nodes.For, nodes.Filter)))
    except (TemplateError, RecursionError, ValueError):
        return None
    if len(repeating) > _MAX_LOOPS:
        return None
    mentions = frozenset(node.name for node in tree.find_all(nodes.Name))
    return Template(source, tree, {id(node): first + number for number, node in enumerate(repeating)}, mentions)
