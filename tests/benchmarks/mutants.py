"""What makes a function right, taken out: each place of a text that does, with the text as it is without it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from . import unloading

# The rules of which one must speak once a thing is gone.
EXPECTED = {
    "rollback": {"SES201"},
    "raise": {"SES201"},
    "close": {"SES302"},
    "remove": {"SES201", "SES202", "SES302"},
    "finally": {"SES201", "SES202", "SES301", "SES302"},
    "with": {"SES302"},
    "commit": {"SES205", "SES211"},
    "await": {"SES210"},
    "options": {"SES401", "SES402", "SES403", "SES303"},
    "lazy": {"SES401", "SES402", "SES403", "SES303"},
}
_OPENS = re.compile(r"([\w.]+\.)?(\w*Session|SessionLocal|session_factory|\w*session_?maker|Factory)\([^()]*\)")
_SESSION = re.compile(r"(^|[._])(db|s|sess|database)$|session", re.I)
_STATEMENT = re.compile(
    r"(session|\bdb|\bs)(\(\))?\.(query|execute|scalars?|get|flush|commit|merge|refresh)\(|\.(one|first|all)\(\)", re.I
)
_DATABASE_ERRORS = re.compile(
    r"\b(Base)?Exception\b|SQLAlchemyError|IntegrityError|DBAPIError|OperationalError|DatabaseError"
)
_ENDS = ("close", "remove", "rollback")
_AWAITED = frozenset({"commit", "rollback", "flush", "close", "refresh", "delete", "execute", "remove", "merge"})


class Mutant(NamedTuple):
    """One file with one thing taken out; *line* is where. *gone* is what is loaded no more."""

    kind: str
    path: str
    line: int
    function: str
    text: str
    gone: unloading.Unloaded | None = None

    @property
    def attribute(self) -> str:
        return self.gone.attribute if self.gone is not None else ""


def mutants(texts: dict[str, str]) -> Iterator[Mutant]:
    """Every mutant of the files of a project, by path; files of tests are left out."""
    for path, text in sorted(texts.items()):
        if "test" in path or not any(word in text for word in ("sqlalchemy", "sqlmodel", "session")):
            continue
        if not _parses(text):
            continue  # its syntax is newer than the interpreter
        tree = ast.parse(text)
        for name, function in _functions(tree, ""):
            found = [(n, kind, mutated) for n in ast.walk(function) for kind, mutated in _mutate(n, text)]
            found += [(function, "commit", mutated) for mutated in _uncommitted(function, text)]
            for node, kind, mutated in found:
                if _parses(mutated):
                    yield Mutant(kind, path, node.lineno, name, mutated)  # type: ignore[attr-defined]
        yield from _unloaded(path, text, tree)


def _unloaded(path: str, text: str, tree: ast.Module) -> Iterator[Mutant]:
    """What is loaded no more, each relationship once for a function, or for a class that is mapped."""
    known: set[tuple[str, str]] = set()
    for name, function in _functions(tree, ""):
        for gone in unloading.options(function, text):
            mutated = without(text, [gone])
            if (name, gone.attribute) not in known and _parses(mutated):
                known.add((name, gone.attribute))
                yield Mutant("options", path, gone.node.lineno, name, mutated, gone)
    for gone in unloading.settings(tree):
        yield Mutant("lazy", path, gone.node.lineno, gone.attribute, without(text, [gone]), gone)


def without(text: str, gone: Iterable[unloading.Unloaded]) -> str:
    """*text* that loads none of what is *gone*."""
    return _replaced(text, [(one.node, one.text) for one in gone])


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def _mutate(node: ast.AST, text: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Try):
        yield from _try(node, text)
    elif isinstance(node, (ast.With, ast.AsyncWith)) and len(node.items) == 1:
        item = node.items[0]
        made = ast.unparse(item.context_expr)
        if isinstance(item.optional_vars, ast.Name) and _OPENS.fullmatch(made):
            yield "with", _unscoped(text, node, f"{item.optional_vars.id} = {made}")
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Await):
        if any(_is_call_of_session(node, name) for name in _AWAITED):
            yield "await", _replaced(text, [(node, ast.get_source_segment(text, node.value.value) or "")])


def _handler(node: ast.ExceptHandler, text: str, asks: bool) -> Iterator[tuple[str, str]]:
    calls = [s for s in ast.walk(node) if _is_call_of_session(s, "rollback")]
    raises = [s for s in ast.walk(node) if isinstance(s, ast.Raise)]
    if calls and not raises:
        yield "rollback", _replaced(text, [(s, "pass") for s in calls])
    caught = ast.unparse(node.type) if node.type is not None else ""
    ends = any(_is_call_of_session(s, name) for s in ast.walk(node) for name in _ENDS)
    if asks and raises and not ends and (not caught or _DATABASE_ERRORS.search(caught)):
        yield "raise", _replaced(text, [(s, "pass") for s in raises])


def _try(node: ast.Try, text: str) -> Iterator[tuple[str, str]]:
    asks = bool(_STATEMENT.search("\n".join(ast.unparse(stmt) for stmt in node.body)))
    for handler in node.handlers:
        yield from _handler(handler, text, asks)
    for name in ("close", "remove"):
        calls = [s for block in node.finalbody for s in ast.walk(block) if _is_call_of_session(s, name)]
        if calls:
            yield name, _replaced(text, [(s, "pass") for s in calls])
            yield "finally", _moved(text, node)


def _uncommitted(function: ast.AST, text: str) -> Iterator[str]:
    """The function without its commits of a session that it opened itself."""
    opened = {name for node in ast.walk(function) for name in _opened(node)}
    calls = [s for s in ast.walk(function) if _is_call_of_session(s, "commit")]
    if calls and opened & {ast.unparse(_callee(s).value) for s in calls}:
        yield _replaced(text, [(s, "pass") for s in calls])


def _opened(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds to a session that it makes, by the look of the call."""
    pairs: list[tuple[ast.expr | None, ast.expr]] = []
    if isinstance(node, (ast.With, ast.AsyncWith)):
        pairs = [(item.optional_vars, item.context_expr) for item in node.items]
    elif isinstance(node, ast.Assign):
        pairs = [(node.targets[0], node.value)]
    for target, made in pairs:
        if (
            isinstance(target, ast.Name)
            and isinstance(made, ast.Call)
            and re.search("session", ast.unparse(made), re.I)
        ):
            yield target.id


def _callee(statement: ast.AST) -> ast.Attribute:
    assert isinstance(statement, ast.Expr)
    call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    return call.func


def _is_call_of_session(node: ast.AST, name: str) -> bool:
    """Whether *node* is a statement ``<session>.name(...)``, by the look of the name."""
    if not isinstance(node, ast.Expr):
        return False
    call = node.value.value if isinstance(node.value, ast.Await) else node.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != name:
        return False
    return bool(_SESSION.search(ast.unparse(call.func.value)))


def _replaced(text: str, edits: list[tuple[ast.AST, str]]) -> str:
    """*text* with each node's source replaced (the last first, so that positions hold)."""
    lines = text.split("\n")
    for node, new in sorted(edits, key=lambda e: (-e[0].lineno, -e[0].col_offset)):  # type: ignore[attr-defined]
        first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]
        head = lines[first].encode()[: node.col_offset].decode()  # type: ignore[attr-defined]
        tail = lines[last].encode()[node.end_col_offset :].decode()  # type: ignore[attr-defined]
        lines[first : last + 1] = (head + new + tail).split("\n")
    return "\n".join(lines)


def _moved(text: str, node: ast.Try) -> str:
    """*text* with the body of a ``finally`` after its ``try``: it runs where nothing was raised or returned."""
    lines = text.split("\n")
    start, end = node.finalbody[0].lineno - 1, (node.finalbody[-1].end_lineno or 0)
    head = start
    while not lines[head].strip().startswith("finally"):
        head -= 1
    inner = node.finalbody[0].col_offset
    lines[head:end] = [line[inner - node.col_offset :] if line[:inner].isspace() else line for line in lines[start:end]]
    if not node.handlers:
        lines[node.lineno - 1] = lines[node.lineno - 1].replace("try:", "if True:")
    return "\n".join(lines)


def _unscoped(text: str, node: ast.With | ast.AsyncWith, assignment: str) -> str:
    """*text* with the session of a ``with`` made before its body, which nothing closes."""
    lines = text.split("\n")
    indent = lines[node.lineno - 1][: node.col_offset]
    start = node.body[0].lineno - 1
    lines[node.lineno - 1 : start] = [indent + assignment, indent + "if True:"]
    return "\n".join(lines)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
