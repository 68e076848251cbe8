"""The neutral representation of Python code: frozen values, the same from either front end.

Everything the linter knows is computed on these values, so nothing is written once for ``ast`` and once for libcst.
A position is ``(line, column, end_line, end_column)``: lines from 1, columns in characters from 0, end exclusive.
What no analysis looks at is folded away: parentheses, comments, the text of operators, types of literals.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

Pos: TypeAlias = tuple[int, int, int, int]


# --- expressions -----------------------------------------------------------------------------------------------------


class Name(NamedTuple):
    pos: Pos
    id: str


class Attribute(NamedTuple):
    """``value.attr``; the attribute's own name ends where the expression ends."""

    pos: Pos
    value: Expr
    attr: str


class Call(NamedTuple):
    pos: Pos
    func: Expr
    args: tuple[Expr, ...]
    keywords: tuple[Keyword, ...]


class Keyword(NamedTuple):
    """``name=value`` in a call or a class header; *name* is None for ``**value``."""

    name: str | None
    value: Expr


class Constant(NamedTuple):
    """A literal. Strings and bytes that are written in pieces are one constant; floats and complex are kept as text."""

    pos: Pos
    value: str | bytes | int | bool | None
    kind: str


class Sequence(NamedTuple):
    """A tuple, list or set display; *kind* says which."""

    pos: Pos
    kind: str
    items: tuple[Expr, ...]


class Dict(NamedTuple):
    """A dict display; a key is None for ``**value``."""

    pos: Pos
    keys: tuple[Expr | None, ...]
    values: tuple[Expr, ...]


class Subscript(NamedTuple):
    pos: Pos
    value: Expr
    key: Expr


class Slice(NamedTuple):
    pos: Pos
    lower: Expr | None
    upper: Expr | None
    step: Expr | None


class BoolOp(NamedTuple):
    """``a and b and c``: *op* is ``and`` or ``or``. One operator a node, nested as ``ast`` nests them."""

    pos: Pos
    op: str
    values: tuple[Expr, ...]


class UnaryOp(NamedTuple):
    pos: Pos
    op: str
    operand: Expr


class BinOp(NamedTuple):
    pos: Pos
    op: str
    left: Expr
    right: Expr


class Compare(NamedTuple):
    pos: Pos
    left: Expr
    ops: tuple[str, ...]
    comparators: tuple[Expr, ...]


class IfExp(NamedTuple):
    pos: Pos
    test: Expr
    body: Expr
    orelse: Expr


class Lambda(NamedTuple):
    pos: Pos
    params: tuple[Param, ...]
    body: Expr


class Generator(NamedTuple):
    """One ``for target in iter if ...`` of a comprehension."""

    target: Expr
    iter: Expr
    ifs: tuple[Expr, ...]
    is_async: bool


class Comprehension(NamedTuple):
    """*kind* is ``list``, ``set``, ``dict`` or ``generator``; *elements* has two items for a dict (key, value)."""

    pos: Pos
    kind: str
    elements: tuple[Expr, ...]
    generators: tuple[Generator, ...]


class Await(NamedTuple):
    pos: Pos
    value: Expr


class Yield(NamedTuple):
    """``yield value`` or ``yield from value`` (*is_from*)."""

    pos: Pos
    value: Expr | None
    is_from: bool


class Walrus(NamedTuple):
    pos: Pos
    target: Name
    value: Expr


class Starred(NamedTuple):
    pos: Pos
    value: Expr


class Format(NamedTuple):
    """An f-string: the expressions in it, nested format specifications included, in source order.

    *as_repr* are the positions in *values* of those that are shown by ``repr`` (``{x!r}``, ``{x=}``).
    """

    pos: Pos
    values: tuple[Expr, ...]
    as_repr: tuple[int, ...] = ()


class Opaque(NamedTuple):
    """Something this linter has no word for; nothing is concluded from it."""

    pos: Pos


class Expr(Protocol):
    """Any of the kinds above. A union of them all would say more, and takes mypy minutes wherever two of them meet."""

    @property
    def pos(self) -> Pos: ...


def last_part(expr: object) -> str:
    """``c`` of ``a.b.c``, and of ``c``: how what is called or named is named itself; empty for anything else."""
    if isinstance(expr, Attribute):
        return expr.attr
    return expr.id if isinstance(expr, Name) else ""


def called_name(expr: object) -> str:
    """:func:`last_part` of what is called, or of a name that is not: a decorator with arguments or without."""
    return last_part(expr.func if isinstance(expr, Call) else expr)


# --- statements ------------------------------------------------------------------------------------------------------


class Param(NamedTuple):
    """A parameter; *kind* is ``pos`` (positional only), ``normal``, ``vararg`` (``*x``),
    ``kwonly`` or ``kwarg`` (``**x``).
    """

    pos: Pos
    name: str
    kind: str
    annotation: Expr | None
    default: Expr | None


class FunctionDef(NamedTuple):
    """A ``def``: *pos* covers it from ``def``/``async`` to its end, without its decorators."""

    pos: Pos
    name: str
    params: tuple[Param, ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]
    returns: Expr | None
    is_async: bool


class ClassDef(NamedTuple):
    pos: Pos
    name: str
    bases: tuple[Expr, ...]
    keywords: tuple[Keyword, ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]


class ExprStmt(NamedTuple):
    pos: Pos
    value: Expr


class Assign(NamedTuple):
    """``a = b = value``: *targets* has an item for each ``=``."""

    pos: Pos
    targets: tuple[Expr, ...]
    value: Expr


class AnnAssign(NamedTuple):
    pos: Pos
    target: Expr
    annotation: Expr
    value: Expr | None


class AugAssign(NamedTuple):
    pos: Pos
    target: Expr
    op: str
    value: Expr


class Return(NamedTuple):
    pos: Pos
    value: Expr | None


class Raise(NamedTuple):
    pos: Pos
    exc: Expr | None
    cause: Expr | None


class Assert(NamedTuple):
    pos: Pos
    test: Expr
    msg: Expr | None


class Delete(NamedTuple):
    pos: Pos
    targets: tuple[Expr, ...]


class If(NamedTuple):
    pos: Pos
    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


class While(NamedTuple):
    pos: Pos
    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


class For(NamedTuple):
    pos: Pos
    target: Expr
    iter: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]
    is_async: bool


class Handler(NamedTuple):
    """An ``except`` clause with its body."""

    pos: Pos
    type: Expr | None
    name: str | None
    body: tuple[Stmt, ...]


class Try(NamedTuple):
    """``try``; *is_star* for ``except*``."""

    pos: Pos
    body: tuple[Stmt, ...]
    handlers: tuple[Handler, ...]
    orelse: tuple[Stmt, ...]
    final: tuple[Stmt, ...]
    is_star: bool


class WithItem(NamedTuple):
    context: Expr
    target: Expr | None


class With(NamedTuple):
    """``with`` or ``async with``."""

    pos: Pos
    items: tuple[WithItem, ...]
    body: tuple[Stmt, ...]
    is_async: bool


class Case(NamedTuple):
    """One arm of ``match``: *names* are what its pattern binds, sorted; *irrefutable* if it always matches."""

    pos: Pos
    names: tuple[str, ...]
    irrefutable: bool
    guard: Expr | None
    body: tuple[Stmt, ...]


class Match(NamedTuple):
    pos: Pos
    subject: Expr
    cases: tuple[Case, ...]


class Import(NamedTuple):
    """``import a.b as c``: *names* are (dotted name, alias or None)."""

    pos: Pos
    names: tuple[tuple[str, str | None], ...]


class ImportFrom(NamedTuple):
    """``from ..a import b as c``: *level* counts the dots; a name of ``*`` is a star import."""

    pos: Pos
    module: str | None
    names: tuple[tuple[str, str | None], ...]
    level: int


class Scope(NamedTuple):
    """``global`` or ``nonlocal`` (*kind*)."""

    pos: Pos
    kind: str
    names: tuple[str, ...]


class Jump(NamedTuple):
    """``pass``, ``break`` or ``continue`` (*kind*)."""

    pos: Pos
    kind: str


class Stmt(Protocol):
    """Any of the kinds above."""

    @property
    def _fields(self) -> tuple[str, ...]: ...

    @property
    def pos(self) -> Pos: ...


class Module(NamedTuple):
    """A file's code.

    *bounds* are statements that nest too deep to be read: each stands in the body as an opaque one.
    """

    body: tuple[Stmt, ...]
    bounds: tuple[Pos, ...]
