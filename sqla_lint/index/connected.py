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
            part_of[_root(part_of, other)] = _root(part_of, path)
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
    """Other files that belong to one: its package's and that one's own package's, what it imports, and what lies in a
    folder that it imports.
    """
    folder = os.path.dirname(module.path)
    for package in (folder, os.path.dirname(folder)):
        if package + "/__init__.py" in project.modules:
            yield package + "/__init__.py"
    for target in project.imported(module):
        if isinstance(target, ModuleRef):
            yield target.path
        else:
            yield from (path for path in project.modules if path.startswith(target.folder + "/"))


__all__ = ["parts"]
