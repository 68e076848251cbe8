"""The parts of a project: what no import connects cannot be meant.

A repository holds programs that have nothing to do with one another: scripts, migrations, examples, the services of a
monorepo. They use the same names for different things. What one of them defines reaches another by an import, by an
object that one of those hands on, or by a base class; so each part is analysed as if the others were not there.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator

from sqla_lint.index.module import ModuleIndex
from sqla_lint.index.project import ModuleRef, Project


def parts(project: Project) -> list[Project]:
    """*project* taken apart: files are together that imports connect, in whichever direction and by whatever other
    files, and those of one package.
    """
    part_of = {path: path for path in project.modules}
    for path, module in project.modules.items():
        for other in _beside(project, module):
            part_of.setdefault(other, other)
            part_of[_root(part_of, other)] = _root(part_of, path)
    for path in project.modules:
        # What lies in a folder that somebody imports is one with it.
        for folder in filter(part_of.__contains__, _above(path)):
            part_of[_root(part_of, path)] = _root(part_of, folder)
    found: dict[str, dict[str, ModuleIndex]] = {}
    for path, module in project.modules.items():
        found.setdefault(_root(part_of, path), {})[path] = module
    if len(found) == 1:
        return [project]
    return [Project(project.root, modules, project) for modules in found.values()]


def _root(part_of: dict[str, str], path: str) -> str:
    """The file that stands for the part that *path* is in; the way to it is shortened."""
    while part_of[path] != path:
        part_of[path] = part_of[part_of[path]]
        path = part_of[path]
    return path


def _beside(project: Project, module: ModuleIndex) -> Iterator[str]:
    """What belongs to a file: its package's own and that one's package's, and the files and folders that it imports."""
    folder = os.path.dirname(module.path)
    for package in (folder, os.path.dirname(folder)):
        if package + "/__init__.py" in project.modules:
            yield package + "/__init__.py"
    for target in project.imported(module):
        yield target.path if isinstance(target, ModuleRef) else target.folder


def _above(path: str) -> Iterator[str]:
    """The folders that a file lies in."""
    while (folder := os.path.dirname(path)) != path:
        yield folder
        path = folder


__all__ = ["parts"]
