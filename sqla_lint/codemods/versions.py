"""The project as it would be with other texts in some of its files."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping

from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.index.building import build
from sqla_lint.index.module import Function, ModuleIndex
from sqla_lint.index.project import Project
from sqla_lint.lower.from_ast import lower_module
from sqla_lint.source import Source


def reread(path: str, text: str) -> ModuleIndex:
    """The index of a file that says *text*.

    Raises:
        Refused: it is no Python.
    """
    lines = Source(path, b"", text, "utf-8").lines
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        raise Refused(f"the result would be no Python (line {error.lineno}: {error.msg})") from error
    encoded = None if text.isascii() else [line.encode("utf-8", "replace") for line in lines]
    return build(path, lower_module(tree, encoded), tuple(lines))


def world_with(world: World, texts: Mapping[str, str]) -> World:
    """The project with *texts* in place of what these files say.

    Raises:
        Refused: one of them is no Python.
    """
    modules = {**world.project.modules, **{path: reread(path, text) for path, text in texts.items()}}
    # No file comes or goes: what imports lead to is the same.
    project = Project(world.project.root, modules, world.project.whole)
    return World(project, world.settings, world.templates)


def counterpart(world: World, function: Function) -> Function:
    """The same function in another version of its file.

    Raises:
        Refused: it is not there once.
    """
    before = [f for f in world.project.modules[function.path].functions if f.qualname == function.qualname]
    if len(before) != 1:
        raise Refused(f"there is more than one {function.qualname} in its file")
    return before[0]
