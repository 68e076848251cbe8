"""Models of a project with one session learn to save themselves through a registry.

A plain session of a module becomes a registry; the declarative base gets a mixin whose ``save``, ``update`` and
``delete`` flush, and roll back and raise again where that fails; what added, deleted and flushed by hand calls them.
Committing stays where it is.
"""

from __future__ import annotations

import os.path
from typing import NamedTuple

from sqla_lint import changes
from sqla_lint.codemods import mixin_base, mixin_calls, mixin_registry
from sqla_lint.codemods.apply import applied
from sqla_lint.codemods.importing import without_unused
from sqla_lint.codemods.imports import merged
from sqla_lint.codemods.layout import Rewrite, Unmovable
from sqla_lint.codemods.mixin_base import BasePlan
from sqla_lint.codemods.mixin_registry import RegistryPlan
from sqla_lint.codemods.results import check_result
from sqla_lint.codemods.site import Refused
from sqla_lint.codemods.versions import world_with
from sqla_lint.finding import Edit, Fix
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.terms.basis import Sid
from sqla_lint.flow.terms.facts import Facts
from sqla_lint.index.module import ModuleIndex
from sqla_lint.rules.verdict import Verdict
from sqla_lint.source import Source

CODES = ("SES101", "SES201")
PATTERN = "base-mixin"
ANYWHERE = True


class Rewritten(NamedTuple):
    """The files as they would be."""

    world: World
    texts: dict[str, str]


def plan(verdict: Verdict, facts: Facts | None, module: ModuleIndex, world: World) -> tuple[Fix, Rewritten]:
    """How the models come to save themselves.

    Raises:
        Refused: they cannot, or not surely; with the reason.
    """
    registry = _registry(verdict, module, world)
    mixin_registry.check_alone(world, registry)
    base = mixin_base.base(world, registry)
    texts = _texts(world, registry, base)
    check_result(world, world_with(world, texts), sorted(texts), _cured(verdict, module, facts))
    files = ", ".join(sorted(os.path.relpath(path, world.project.root) for path in texts))
    note = mixin_registry.removal(world, registry)
    told = f"; {note}" if note is not None else ""
    made = [f"make {registry.session} a scoped_session"] if registry.made is not None else []
    gains = [f"let the models of {base.name} save themselves"] if base.own is None else []
    summary = f"{', and '.join([*made, *gains])}{told} (unsafe; writes {files})"
    return Fix("unsafe", "base-mixin", summary), Rewritten(world, texts)


def edits(planned: Rewritten) -> tuple[Edit, ...]:
    """What the plan replaces, in every file."""
    made: list[Edit] = []
    for path, text in sorted(planned.texts.items()):
        before = "".join(planned.world.project.modules[path].source)
        made += changes.edits(Source(path, b"", before, "utf-8"), Source(path, b"", text, "utf-8"))
    return tuple(made)


def _registry(verdict: Verdict, module: ModuleIndex, world: World) -> RegistryPlan:
    subject = verdict.subject
    if isinstance(subject, str):
        if "." in subject or verdict.function is not None:
            raise Refused("only a session that its module binds can become a registry")
        return mixin_registry.registry(world, module, subject)
    sid = subject[0] if isinstance(subject, tuple) and subject else None
    if not isinstance(sid, Sid) or sid.owner not in ("registry", "module") or sid.path[0] not in world.project.modules:
        raise Refused("it is about no session of a module, which alone can become a registry of models")
    return mixin_registry.registry(world, world.project.modules[sid.path[0]], sid.path[1])


def _cured(verdict: Verdict, module: ModuleIndex, facts: Facts | None) -> tuple[str, str, str]:
    """(file, function, code) of what must be gone."""
    if facts is None:
        return module.path, "", "SES101"
    return module.path, facts.function.qualname, "SES201"


def _texts(world: World, registry: RegistryPlan, base: BasePlan) -> dict[str, str]:
    rewrites: dict[str, Rewrite] = {}
    extra: dict[str, list[Edit]] = {}

    def of(path: str) -> Rewrite:
        return rewrites.setdefault(path, Rewrite(path, world.project.modules[path].source))

    try:
        mixin_registry.write(of(registry.module.path), registry)
        mixin_base.write(of(base.module.path), base, registry)
        for path, module in sorted(world.project.modules.items()):
            for function in module.functions:
                if function.words & {"add", "delete", "query"} and not world.project.is_test(path):
                    sites = mixin_calls.Sites(world, registry, base.models, function)
                    for call in sites.calls() if base.saves else ():
                        mixin_calls.write(of(path), function, call)
                    # From the end: a replacement moves what stands behind it on its line.
                    for query, model in sorted(sites.queries() if base.has_query else (), reverse=True):
                        of(path).replace(query.pos, f"{model}.query")
    except Unmovable as error:
        raise Refused(str(error)) from error
    for needed, path in ((registry.needed, registry.module.path), (base.needed, base.module.path)):
        if needed is not None and needed.edit is not None:
            extra.setdefault(path, []).append(needed.edit)
    texts = {
        path: applied("".join(rewrite.before), rewrite.before, merged([*rewrite.edits(), *extra.get(path, ())]))
        for path, rewrite in rewrites.items()
    }
    changed = {path: text for path, text in texts.items() if text != "".join(world.project.modules[path].source)}
    return {path: without_unused(world.project.modules[path], text, world) for path, text in changed.items()}
