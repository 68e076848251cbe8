"""How much of a misuse is seen in real code: what makes right functions right is taken out, one thing at a time.

``python -m tests.benchmarks.recall [--most N] [--kinds A,B] PATH [PATH ...]`` reads the projects at the given paths, makes the mutants
of :mod:`tests.benchmarks.mutants`, and prints for each kind how many of the functions that had no finding before have one of the
expected rules afterwards, and by which rule. A mutant that is not reported is printed; if a relationship is loaded no more, with the
lines that may read it: whether one of them runs for each row is for the reader to say. Nothing is written.
"""

from __future__ import annotations

import argparse
import ast
import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqla_lint.config import Settings
from sqla_lint.discovery import project_files
from sqla_lint.flow.summaries import Summaries
from sqla_lint.flow.world import World
from sqla_lint.index.building import build
from sqla_lint.index.module import ModuleIndex
from sqla_lint.index.project import Project
from sqla_lint.judge import judge_file
from sqla_lint.lower.from_ast import lower_module

from . import unloading
from .mutants import EXPECTED, Mutant, mutants

Found = Counter[tuple[str, str | None, str, str]]


def main(roots: list[Path], most: int, kinds: set[str]) -> None:
    """Print what is reported; *most* mutants of each kind are tried in a project."""
    gc.disable()
    total: Counter[str] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    right: set[tuple[str, str]] = set()
    tried: Counter[Path] = Counter()
    missed: Counter[Path] = Counter()
    for root in roots:
        modules, texts = read(root)
        seen_by = {**texts, **unloading.pages(root)}
        before = findings(root, modules, list(modules))
        had = {(path, function, code) for path, function, code, _ in before}
        for mutant in spread([m for m in mutants(texts) if m.kind in kinds and is_right(m, had)], most, seen_by):
            total[mutant.kind] += 1
            tried[root] += 1
            right.add((mutant.path, mutant.function))
            codes = reported(root, modules, mutant, before, near(mutant, texts))
            seen.update((mutant.kind, code) for code in codes & EXPECTED[mutant.kind] or {"-"})
            if not codes & EXPECTED[mutant.kind]:
                missed[root] += 1
                tell(mutant, codes, seen_by)
        print(f"{root.name}: {tried[root] - missed[root]} of {tried[root]} reported", flush=True)
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


def read(root: Path) -> tuple[dict[str, ModuleIndex], dict[str, str]]:
    modules: dict[str, ModuleIndex] = {}
    texts: dict[str, str] = {}
    for path in map(str, project_files(root)):
        try:
            text = Path(path).read_text(encoding="utf-8")
            modules[path] = index(path, text)
        except (SyntaxError, UnicodeDecodeError, OSError):
            continue
        texts[path] = text
    return modules, texts


def index(path: str, text: str) -> ModuleIndex:
    lines = None if text.isascii() else [line.encode() for line in text.split("\n")]
    return build(path, lower_module(ast.parse(text), lines), tuple(text.split("\n")))


def findings(root: Path, modules: dict[str, ModuleIndex], paths: list[str]) -> Found:
    """How many findings there are, by file, function, code and message."""
    summaries = Summaries(World(Project(str(root), modules), Settings()))
    return Counter(
        (judged.path, judged.function.qualname if judged.function else None, judged.rule.code, judged.verdict.message)
        for path in paths
        for judged in judge_file(modules[path], summaries)
    )


def near(mutant: Mutant, texts: dict[str, str]) -> list[str]:
    """The files in which a finding may be new: for rows, those that name what was changed."""
    if mutant.kind == "remove":
        return list(texts)
    if mutant.kind not in ("options", "lazy"):
        return [mutant.path]
    name = mutant.function.rpartition(".")[2]
    return [path for path, text in texts.items() if path == mutant.path or name in text]


def reported(root: Path, modules: dict[str, ModuleIndex], mutant: Mutant, before: Found, paths: list[str]) -> set[str]:
    """The rules of which a finding is new in the files at *paths*."""
    changed = {**modules, mutant.path: index(mutant.path, mutant.text)}
    after = findings(root, changed, paths)
    if mutant.kind == "lazy":  # No line has moved: what is said of a read may have changed.
        return {key[2] for key, count in after.items() if count > before[key]}
    counted: Counter[tuple[str, str | None, str]] = Counter()
    for one, sign in ((after, 1), (before, -1)):
        for key, count in one.items():
            counted[key[:3]] += sign * count
    return {key[2] for key, count in counted.items() if count > 0}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roots", nargs="+", type=lambda path: Path(path).resolve())
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--kinds", type=lambda text: set(text.split(",")), default=set(EXPECTED))
    given = parser.parse_args()
    main(given.roots, given.most, given.kinds)
