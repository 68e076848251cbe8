"""How the object that holds a session becomes the context of a ``with``: as it is, closed by ``closing``, or its class
learns to be entered.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqla_lint.codemods import imports
from sqla_lint.codemods.imports import Needed
from sqla_lint.codemods.layout import Rewrite, indentation, stands_alone
from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.index.module import Class, Function, ModuleIndex
from sqla_lint.lower import nodes as n


class Entering(NamedTuple):
    """What a ``with`` over a wrapper takes: *closing* is how to write ``closing``; *closer* is the method that the new
    ``__exit__`` of its class calls.
    """

    closing: Needed | None = None
    closer: Function | None = None
    is_async: bool = False

    def context(self, text: str) -> str:
        """What stands behind ``with`` for the wrapper that *text* gives."""
        return f"{self.closing.spelling}({text})" if self.closing is not None else text


def entering(world: World, function: Function, cls: Class, closers: Collection[str]) -> Entering:
    """How *function* can hold a wrapper of class *cls* open for a block.

    Args:
        world: the project.
        function: where the block is to be.
        cls: the wrapper's class.
        closers: the methods that the function closes it with; none if it never does.

    Raises:
        Refused: no ``with`` closes the wrapper.
    """
    names = set(closers) or _known_closers(world, cls)
    if len(names) > 1:
        raise Refused(f"{cls.name} is closed in more than one way: {', '.join(f'{name}()' for name in sorted(names))}")
    name = names.pop()
    closer = world.method(cls, name)
    if closer is None or not _closes(world, closer):
        raise Refused(f"{cls.name} has no method {name}() that surely closes its session")
    if len([p for p in closer.node.params if p.kind != "vararg" and p.default is None]) > 1:
        raise Refused(f"{cls.name}.{name}() wants arguments")
    enter, leave = ("__aenter__", "__aexit__") if closer.node.is_async else ("__enter__", "__exit__")
    known = world.method(cls, leave)
    if known is not None and world.method(cls, enter) is not None and _closes(world, known):
        return Entering(is_async=closer.node.is_async)
    if closer.node.is_async and not function.node.is_async:
        raise Refused(f"{cls.name}.{name}() is a coroutine, and {function.node.name}() is none")
    if name == "close" and not closer.node.is_async:
        return Entering(_closing(world.project.modules[function.path], function, world))
    if known is not None or world.method(cls, enter) is not None:
        raise Refused(f"{cls.name} has an `{enter}` or `{leave}` of its own that does not close it")
    _check_class(world, closer)
    return Entering(closer=closer, is_async=closer.node.is_async)


def _known_closers(world: World, cls: Class) -> set[str]:
    """The methods of a class that surely close its session; its ``close`` alone if there is one."""
    found = {
        name
        for base in world.names.lineage(cls)
        for name, method in base.methods.items()
        if "close" in method.words and not name.startswith("_") and _closes(world, method)
    }
    return {"close"} if "close" in found or not found else found


def _closing(module: ModuleIndex, function: Function, world: World) -> Needed:
    needed = imports.needed(module, "contextlib", "closing")
    if needed is None or needed.spelling.split(".")[0] in world.local_names(function):
        raise Refused("`closing` means something else in this file")
    return needed


def _closes(world: World, method: Function) -> bool:
    return any("close" in effect.must for _, effect in world.summary(method, True).effects)


def _check_class(world: World, closer: Function) -> None:
    cls = closer.cls
    if cls is None or closer.outer is not None:
        raise Refused(f"{closer.node.name}() is no method of a class that can be edited")
    lines = world.project.modules[cls.path].source
    if not stands_alone(lines, closer.node) and not closer.node.decorators:
        raise Refused(f"{cls.name}.{closer.node.name}() shares a line with other code")


# --- the methods that a class gains


def add_methods(rewrite: Rewrite, closer: Function) -> None:
    """Write ``__enter__`` and ``__exit__`` into the class of *closer*, behind its constructor."""
    cls = closer.cls
    assert cls is not None
    head = cls.methods.get("__init__")
    after = head.node if head is not None else cls.node.body[-1]
    method = head if head is not None else closer
    margin = indentation(rewrite.before[method.node.pos[0] - 1])
    unit = _unit(rewrite, method.node, margin)
    line = after.pos[2] + 1
    for text in _methods(cls, closer, margin, unit):
        rewrite.insert_before(line, text)
    if line <= cls.node.pos[2] and rewrite.before[line - 1].strip():
        rewrite.insert_before(line, "")


def _unit(rewrite: Rewrite, method: n.FunctionDef, margin: str) -> str:
    inner = indentation(rewrite.before[method.body[0].pos[0] - 1])
    return inner[len(margin) :] if inner.startswith(margin) and len(inner) > len(margin) else "    "


def _methods(cls: Class, closer: Function, margin: str, unit: str) -> list[str]:
    typed = closer.node.returns is not None
    prefix, word, call = ("async ", "a", "await ") if closer.node.is_async else ("", "", "")
    enters, given, nothing = (f' -> "{cls.name}"', ": object", " -> None") if typed else ("", "", "")
    return [
        "",
        f"{margin}{prefix}def __{word}enter__(self){enters}:",
        f"{margin}{unit}return self",
        "",
        f"{margin}{prefix}def __{word}exit__(self, exc_type{given}, exc{given}, traceback{given}){nothing}:",
        f"{margin}{unit}{call}self.{closer.node.name}()",
    ]
