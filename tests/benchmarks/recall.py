"""How much of a misuse is seen in real code: what makes right functions right is taken out, one thing at a time.

``python -m tests.benchmarks.recall [--most N] [--kinds A,B] PATH [PATH ...]`` reads the projects at the given paths, makes the mutants
of :mod:`tests.benchmarks.mutants`, and prints for each kind how many of the functions that had no finding before have one of the
expected rules afterwards, and by which rule. A mutant that is not reported is printed; if a relationship is loaded no more, with the
lines that may read it: whether one of them runs for each row is for the reader to say. Nothing is written.

What is loaded no more is tried many at a time, one in each file and of each class: what one of them makes lazy says nothing of
another. A file whose syntax is newer than the interpreter is read like the others, and has no mutants.
"""

from __future__ import annotations

import argparse
import ast
import gc
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqla_lint import jinja_files
from sqla_lint.config import Settings
from sqla_lint.discovery import project_files
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver.summaries import Summaries
from sqla_lint.index.building import build
from sqla_lint.index.module import ModuleIndex
from sqla_lint.index.project import Project
from sqla_lint.judge import Judged, judge_file
from sqla_lint.lower import nodes as n
from sqla_lint.lower.confirm import Unconfirmed, lower_text
from sqla_lint.lower.from_ast import lower_module

from . import unloading
from .mutants import EXPECTED, Mutant, mutants, without

_LOADS = EXPECTED["options"]
Key = tuple[str, str | None, str, str]


class Code(NamedTuple):
    """A project as it is: its files by path, lowered and as text, and its templates."""

    root: Path
    modules: dict[str, ModuleIndex]
    texts: dict[str, str]
    templates: jinja_files.Templates


def main(roots: list[Path], most: int, kinds: set[str]) -> None:
    """Print what is reported; *most* mutants of each kind are tried in a project."""
    gc.disable()
    total: Counter[str] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    right: set[tuple[str, str]] = set()
    for root in roots:
        code = read(root)
        seen_by = {**code.texts, **unloading.pages(root)}
        rules = set().union(*(EXPECTED[kind] for kind in kinds))
        before = Counter(map(key, findings(code, code.modules, list(code.modules), rules)))
        had = {one[:3] for one in before}
        tried = list(spread([m for m in mutants(code.texts) if m.kind in kinds and is_right(m, had)], most, seen_by))
        missed = 0
        for mutant, codes in (*told_of_rows(code, tried, before), *told_alone(code, tried, before)):
            total[mutant.kind] += 1
            right.add((mutant.path, mutant.function))
            seen.update((mutant.kind, code) for code in codes & EXPECTED[mutant.kind] or {"-"})
            if not codes & EXPECTED[mutant.kind]:
                missed += 1
                tell(mutant, codes, seen_by)
        print(f"{root.name}: {len(tried) - missed} of {len(tried)} reported", flush=True)
    print(f"{len(right)} functions")
    for kind, count in sorted(total.items()):
        told = ", ".join(f"{code} {n}" for (k, code), n in sorted(seen.items()) if k == kind and code != "-")
        print(f"{kind:9} {count - seen[kind, '-']:4} of {count:4} reported: {told}")


def is_right(mutant: Mutant, had: set[tuple[str, str | None, str]]) -> bool:
    """Whether the function had none of the findings that the mutant is to have."""
    return not any((mutant.path, mutant.function, code) in had for code in EXPECTED[mutant.kind])


def spread(found: list[Mutant], most: int, texts: dict[str, str]) -> Iterator[Mutant]:
    """At most *most* mutants of each kind, from all over the project; what nothing reads is no misuse if it is lazy."""
    is_read = {name: bool(unloading.reads(name, texts)) for name in {m.attribute for m in found} if name}
    for kind in EXPECTED:
        same = [mutant for mutant in found if mutant.kind == kind and is_read.get(mutant.attribute, True)]
        yield from same[:: -(-len(same) // most) or 1]


def tell(mutant: Mutant, codes: set[str], texts: dict[str, str]) -> None:
    """Print what was not reported; of what is loaded no more, where it may be read, for whoever judges it."""
    what = f"{mutant.kind:9} {mutant.path}:{mutant.line} {mutant.function} {mutant.attribute}"
    print(f"not reported: {what} {' '.join(sorted(codes))}", flush=True)
    for line in unloading.reads(mutant.attribute, texts)[:12] if mutant.attribute else ():
        print(f"    {line}", flush=True)


def read(root: Path) -> Code:
    modules: dict[str, ModuleIndex] = {}
    texts: dict[str, str] = {}
    for path in map(str, project_files(root)):
        try:
            text = Path(path).read_text(encoding="utf-8")
            modules[path] = index(path, text)
        except (SyntaxError, UnicodeDecodeError, OSError):
            continue
        texts[path] = text
    sources = jinja_files.gather(root, (text.encode() for text in texts.values()))
    return Code(root, modules, texts, jinja_files.Templates(str(root), sources))


def index(path: str, text: str) -> ModuleIndex:
    return build(path, lowered(text), tuple(text.split("\n")))


def lowered(text: str) -> n.Module:
    """A file as the linter reads it: syntax that is newer than the interpreter goes through libcst."""
    lines = None if text.isascii() else [line.encode() for line in text.split("\n")]
    try:
        return lower_module(ast.parse(text), lines)
    except SyntaxError:
        module = lower_text(text)
        if isinstance(module, Unconfirmed):
            raise
        return module


def findings(
    code: Code, modules: dict[str, ModuleIndex], paths: Iterable[str], rules: set[str] | None = None
) -> list[Judged]:
    """The findings in the files at *paths*; of *rules* alone, if given."""
    return [judged for _, judged in found_by_file(code, modules, paths, rules)]


def found_by_file(
    code: Code, modules: dict[str, ModuleIndex], paths: Iterable[str], rules: set[str] | None = None
) -> list[tuple[str, Judged]]:
    """The findings with the files that were looked at for them: what is handed over is told where it was."""
    summaries = Summaries(World(Project(str(code.root), modules), Settings(), code.templates))
    return [(path, judged) for path in paths for judged in judge_file(modules[path], summaries, rules)]


def key(judged: Judged) -> Key:
    """What a finding is known by when lines have moved: its file, function, code and message."""
    function = judged.function.qualname if judged.function else None
    return judged.path, function, judged.rule.code, judged.verdict.message


# --- one at a time ---------------------------------------------------------------------------------------------------


def told_alone(code: Code, tried: list[Mutant], before: Counter[Key]) -> Iterator[tuple[Mutant, set[str]]]:
    """Each mutant that is not about rows, with the rules of which a finding is new."""
    for mutant in tried:
        if mutant.gone is None:
            paths = list(code.texts) if mutant.kind == "remove" else [mutant.path]
            yield mutant, reported(code, mutant, before, paths)


def reported(code: Code, mutant: Mutant, before: Counter[Key], paths: Iterable[str]) -> set[str]:
    """The rules of which a finding is new in the files at *paths*."""
    changed = {**code.modules, mutant.path: index(mutant.path, mutant.text)}
    counted: Counter[tuple[str, str | None, str]] = Counter()
    named: set[str] = set()
    for judged in findings(code, changed, paths, EXPECTED[mutant.kind]):
        counted[key(judged)[:3]] += 1
        if mutant.gone is not None and _is_new(judged, before) and _names(judged, mutant.attribute):
            named.add(judged.rule.code)
    for one, count in before.items():
        counted[one[:3]] -= count
    return {rule for (_, _, rule), count in counted.items() if count > 0} | named


def _names(judged: Judged, attribute: str) -> bool:
    return re.search(rf"\b{attribute}\b", judged.verdict.message) is not None


# --- many at a time --------------------------------------------------------------------------------------------------


def told_of_rows(code: Code, tried: list[Mutant], before: Counter[Key]) -> Iterator[tuple[Mutant, set[str]]]:
    """Each mutant that loads something no more, with the rules of which a finding is new that is about it."""
    for together in rounds([mutant for mutant in tried if mutant.gone is not None]):
        changed = dict(code.modules)
        for path in {mutant.path for mutant in together}:
            gone = [mutant.gone for mutant in together if mutant.path == path and mutant.gone is not None]
            changed[path] = index(path, without(code.texts[path], gone))
        new = [
            (path, judged) for path, judged in found_by_file(code, changed, changed, _LOADS) if _is_new(judged, before)
        ]
        told: dict[int, set[str]] = {id(mutant): set() for mutant in together}
        unclear = []
        for path, judged in new:
            about = [mutant for mutant in together if is_about(judged, mutant, changed)]
            unclear += [] if about else [(path, judged)]
            for mutant in about:
                told[id(mutant)].add(judged.rule.code)
        for mutant in together:
            paths = {path for path, judged in unclear if _names(judged, mutant.attribute)}
            yield mutant, told[id(mutant)] or (reported(code, mutant, before, paths) if paths else set())


def rounds(tried: list[Mutant]) -> list[list[Mutant]]:
    """*tried* in as few lists as there are mutants that may make each other be reported, or hide each other."""
    found: list[list[Mutant]] = []
    for mutant in tried:
        free = (one for one in found if not any(_belong(mutant, other) for other in one))
        together = next(free, None)
        if together is None:
            found.append(together := [])
        together.append(mutant)
    return found


def _belong(mutant: Mutant, other: Mutant) -> bool:
    """Whether two mutants are about one file, one class, or relationships of one name."""
    assert mutant.gone is not None
    assert other.gone is not None
    if mutant.kind != other.kind or mutant.path == other.path or mutant.attribute == other.attribute:
        return True
    return bool(mutant.gone.owner) and mutant.gone.owner == other.gone.owner


def _is_new(judged: Judged, before: Counter[Key]) -> bool:
    return key(judged) not in before


def is_about(judged: Judged, mutant: Mutant, modules: dict[str, ModuleIndex]) -> bool:
    """Whether a finding tells of rows that the mutant's function asked for, or of the class that it changed,
    that what it took out is loaded lazily.
    """
    for entity, attribute in judged.verdict.unloaded:
        if attribute != mutant.attribute or entity.origin is None:
            continue
        if mutant.kind == "lazy":
            return True
        places = [pos for path, pos in entity.origin.places if path == mutant.path]
        spans = [f.node.pos for f in modules[mutant.path].functions if f.qualname == mutant.function]
        if any(span[0] <= pos[0] <= span[2] for pos in places for span in spans):
            return True
    return False


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roots", nargs="+", type=lambda path: Path(path).resolve())
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--kinds", type=lambda text: set(text.split(",")), default=set(EXPECTED))
    given = parser.parse_args()
    main(given.roots, given.most, given.kinds)
