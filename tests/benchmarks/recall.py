"""How much of a misuse is seen in real code: what makes right functions right is taken out, one thing at a time.

``python -m tests.benchmarks.recall PATH [PATH ...]`` reads the projects at the given paths, takes a ``rollback()`` out of a handler, a
``close()`` out of a ``finally``, the ``with`` away from a session, or the ``.options()`` off a query, and prints for each kind how many
of the functions that had no finding before have one of the expected rule afterwards. Nothing is written.
"""

from __future__ import annotations

import ast
import gc
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqla_lint.config import Settings
from sqla_lint.discovery import project_files
from sqla_lint.flow.summaries import Summaries
from sqla_lint.flow.world import World
from sqla_lint.index.module import ModuleIndex, build
from sqla_lint.index.project import Project
from sqla_lint.judge import judge_file
from sqla_lint.lower.from_ast import lower_module

EXPECTED = {"rollback": {"SES201"}, "close": {"SES302"}, "with": {"SES302"}, "options": {"SES401"}}
_OPENS = re.compile(r"([\w.]+\.)?(Session|SessionLocal|AsyncSession|session_factory)\([^()]*\)")
SESSION_WORDS = ("session", "Session", "db")


class Mutant(NamedTuple):
    """One file with one thing taken out; *line* is where."""

    kind: str
    path: str
    line: int
    function: str
    text: str


def main(roots: list[str], most: int = 1000) -> None:
    """Print what is reported; *most* mutants of a project are tried, evenly spread."""
    gc.disable()
    total: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for root in map(Path, roots):
        modules, texts = read(root.resolve())
        before = findings(root.resolve(), modules, list(modules))
        found = list(mutants(texts))
        for mutant in found[:: -(-len(found) // most) or 1]:
            if any(path == mutant.path and function == mutant.function for path, function, _ in before):
                continue
            total[mutant.kind] += 1
            if is_reported(root.resolve(), modules, mutant, before):
                seen[mutant.kind] += 1
            else:
                print(f"not reported: {mutant.kind:9} {mutant.path}:{mutant.line} {mutant.function}")
    for kind, count in sorted(total.items()):
        print(f"{kind:9} {seen[kind]:4} of {count:4} reported")


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


Found = Counter[tuple[str, str | None, str]]


def findings(root: Path, modules: dict[str, ModuleIndex], paths: list[str]) -> Found:
    """How many findings there are, by file, function and code."""
    summaries = Summaries(World(Project(str(root), modules), Settings()))
    return Counter(
        (judged.path, judged.function.qualname if judged.function else None, judged.rule.code)
        for path in paths
        for judged in judge_file(modules[path], summaries)
    )


def is_reported(root: Path, modules: dict[str, ModuleIndex], mutant: Mutant, before: Found) -> bool:
    """Whether a finding of the expected rule is new, in the function or, for rows, wherever they are read."""
    changed = {**modules, mutant.path: index(mutant.path, mutant.text)}
    paths = list(changed) if mutant.kind == "options" else [mutant.path]
    after = findings(root, changed, paths)
    return any(count > before[key] for key, count in after.items() if key[2] in EXPECTED[mutant.kind])


# --- mutants ---------------------------------------------------------------------------------------------------------


def mutants(texts: dict[str, str]) -> Iterator[Mutant]:
    for path, text in sorted(texts.items()):
        if "test" in path or not any(word in text for word in ("sqlalchemy", "sqlmodel", "session")):
            continue
        tree = ast.parse(text)
        for name, function in functions(tree, ""):
            for node in ast.walk(function):
                for kind, mutated in mutate(node, text):
                    if parses(mutated):
                        yield Mutant(kind, path, node.lineno, name, mutated)  # type: ignore[attr-defined]


def functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")


def mutate(node: ast.AST, text: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.ExceptHandler):
        calls = [s for s in ast.walk(node) if is_call_statement(s, "rollback")]
        if calls and not any(isinstance(s, ast.Raise) for s in ast.walk(node)):
            yield "rollback", replaced(text, [(s, "pass") for s in calls])
    elif isinstance(node, ast.Try):
        calls = [s for block in node.finalbody for s in ast.walk(block) if is_call_statement(s, "close")]
        calls = [s for s in calls if ast.unparse(s).startswith(SESSION_WORDS)]
        if calls:
            yield "close", replaced(text, [(s, "pass") for s in calls])
    elif isinstance(node, (ast.With, ast.AsyncWith)) and len(node.items) == 1:
        item = node.items[0]
        made = ast.unparse(item.context_expr)
        if isinstance(item.optional_vars, ast.Name) and _OPENS.fullmatch(made):
            yield "with", unscoped(text, node, f"{item.optional_vars.id} = {made}")
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "options":
        if "load" in ast.unparse(node):
            yield "options", replaced(text, [(node, ast.get_source_segment(text, node.func.value) or "")])


def is_call_statement(node: ast.AST, name: str) -> bool:
    if not isinstance(node, ast.Expr):
        return False
    call = node.value.value if isinstance(node.value, ast.Await) else node.value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == name


def replaced(text: str, edits: list[tuple[ast.AST, str]]) -> str:
    """*text* with each node's source replaced (the last first, so that positions hold)."""
    lines = text.split("\n")
    for node, new in sorted(edits, key=lambda e: -e[0].lineno):  # type: ignore[attr-defined]
        first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]
        head = lines[first].encode()[: node.col_offset].decode()  # type: ignore[attr-defined]
        tail = lines[last].encode()[node.end_col_offset :].decode()  # type: ignore[attr-defined]
        lines[first : last + 1] = (head + new + tail).split("\n")
    return "\n".join(lines)


def unscoped(text: str, node: ast.With | ast.AsyncWith, assignment: str) -> str:
    """*text* with the session of a ``with`` made before its body, which nothing closes."""
    lines = text.split("\n")
    indent = lines[node.lineno - 1][: node.col_offset]
    start = node.body[0].lineno - 1
    lines[node.lineno - 1 : start] = [indent + assignment, indent + "if True:"]
    return "\n".join(lines)


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


if __name__ == "__main__":
    main(
        sys.argv[1:] if sys.argv[1:2] != ["--most"] else sys.argv[3:],
        int(sys.argv[2]) if "--most" in sys.argv else 1000,
    )
