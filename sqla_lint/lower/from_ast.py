"""The front end that reads whole projects: ``ast`` to the neutral representation.

Costs about as much as ``ast.parse`` itself; see :mod:`sqla_lint.lower.from_cst` for its twin, which confirms and edits.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from sqla_lint.lower import nodes as n

# Deeper code than this is not analysed: libcst ends the process on about 2,000 nested parentheses, and the recursion
# here and in everything that walks the representation must fit Python's own limit.
MAX_DEPTH = 180


class _TooDeep(Exception):
    """The code nests deeper than :data:`MAX_DEPTH`; the statement becomes a bound."""


_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.MatMult: "@", ast.Div: "/", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&", ast.FloorDiv: "//",
    ast.Invert: "~", ast.Not: "not", ast.UAdd: "+", ast.USub: "-", ast.And: "and", ast.Or: "or",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


class _Lowering:
    """One file's lowering: it knows how the file's byte columns become character columns."""

    def __init__(self, lines: list[bytes] | None, max_depth: int) -> None:
        self.lines = lines
        self.max_depth = max_depth
        self.depth = 0
        self.bounds: list[n.Pos] = []

    def pos(self, node: Any) -> n.Pos:
        """The position of an ``ast`` node. ``ast`` counts columns in UTF-8 bytes; we count characters."""
        if self.lines is None:
            return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        return (
            node.lineno,
            self.column(node.lineno, node.col_offset),
            node.end_lineno,
            self.column(node.end_lineno, node.end_col_offset),
        )

    def column(self, line: int, offset: int) -> int:
        assert self.lines is not None
        return len(self.lines[line - 1][:offset].decode("utf-8", "replace"))

    # --- expressions

    def expr(self, node: ast.expr) -> n.Expr:
        self.depth += 1
        if self.depth > self.max_depth:
            raise _TooDeep
        lowered: n.Expr = _EXPRESSIONS.get(type(node), _opaque)(self, node)
        self.depth -= 1
        return lowered

    def maybe(self, node: ast.expr | None) -> n.Expr | None:
        return None if node is None else self.expr(node)

    def exprs(self, nodes: list[ast.expr]) -> tuple[n.Expr, ...]:
        return tuple([self.expr(node) for node in nodes])

    def keywords(self, nodes: list[ast.keyword]) -> tuple[n.Keyword, ...]:
        return tuple([n.Keyword(k.arg, self.expr(k.value)) for k in nodes])

    def generators(self, nodes: list[ast.comprehension]) -> tuple[n.Generator, ...]:
        return tuple(
            [n.Generator(self.expr(g.target), self.expr(g.iter), self.exprs(g.ifs), bool(g.is_async)) for g in nodes]
        )

    def params(self, args: ast.arguments) -> tuple[n.Param, ...]:
        found: list[n.Param] = []
        positional = [(a, "pos") for a in args.posonlyargs] + [(a, "normal") for a in args.args]
        first_default = len(positional) - len(args.defaults)
        for index, (arg, kind) in enumerate(positional):
            default = args.defaults[index - first_default] if index >= first_default else None
            found.append(self.param(arg, kind, default))
        if args.vararg:
            found.append(self.param(args.vararg, "vararg", None))
        for arg, default in zip(args.kwonlyargs, args.kw_defaults):
            found.append(self.param(arg, "kwonly", default))
        if args.kwarg:
            found.append(self.param(args.kwarg, "kwarg", None))
        return tuple(found)

    def param(self, arg: ast.arg, kind: str, default: ast.expr | None) -> n.Param:
        name_pos = self.pos(arg)
        # The position is the name's alone: an annotation is another expression.
        pos = (name_pos[0], name_pos[1], name_pos[0], name_pos[1] + len(arg.arg))
        return n.Param(pos, arg.arg, kind, self.maybe(arg.annotation), self.maybe(default))

    # --- statements

    def block(self, nodes: list[ast.stmt]) -> tuple[n.Stmt, ...]:
        """Lower statements; one that nests too deep becomes an opaque one and a bound."""
        self.depth += 1
        depth = self.depth
        if depth > self.max_depth:
            raise _TooDeep
        lowered: list[n.Stmt] = []
        for node in nodes:
            found = len(self.bounds)
            try:
                lowered.append(_STATEMENTS[type(node)](self, node))
            except _TooDeep:
                self.depth = depth
                pos = self.pos(node)
                # What was too deep inside it is part of it.
                self.bounds[found:] = [pos]
                lowered.append(n.ExprStmt(pos, n.Opaque(pos)))
        self.depth -= 1
        return tuple(lowered)


Lowerer = Callable[[_Lowering, Any], Any]


def _opaque(low: _Lowering, node: ast.expr) -> n.Expr:
    return n.Opaque(low.pos(node))


def _constant(low: _Lowering, node: ast.Constant) -> n.Expr:
    value = node.value
    kind = type(value).__name__
    if value is None or isinstance(value, (str, bytes, int)):
        return n.Constant(low.pos(node), value, kind)
    return n.Constant(low.pos(node), repr(value), kind)


def _sequence(kind: str) -> Lowerer:
    return lambda low, node: n.Sequence(low.pos(node), kind, low.exprs(node.elts))


def _comprehension(kind: str) -> Lowerer:
    return lambda low, node: n.Comprehension(
        low.pos(node), kind, (low.expr(node.elt),), low.generators(node.generators)
    )


def _dict_comprehension(low: _Lowering, node: ast.DictComp) -> n.Expr:
    # Python 3.15 allows ``**mapping`` in place of ``key: value``.
    elements = (low.expr(node.key),) if node.value is None else (low.expr(node.key), low.expr(node.value))
    return n.Comprehension(low.pos(node), "dict", elements, low.generators(node.generators))


def _format(low: _Lowering, node: Any) -> n.Expr:
    found: list[n.Expr] = []
    as_repr: list[int] = []

    def collect(joined: Any) -> None:
        for part in joined.values:
            if not isinstance(part, ast.Constant):
                if part.conversion in (ord("r"), ord("a")):
                    as_repr.append(len(found))
                found.append(low.expr(part.value))
                if part.format_spec is not None:
                    collect(part.format_spec)

    collect(node)
    return n.Format(low.pos(node), tuple(found), tuple(as_repr))


def _compare(low: _Lowering, node: ast.Compare) -> n.Expr:
    ops = tuple([_OPERATORS[type(op)] for op in node.ops])
    return n.Compare(low.pos(node), low.expr(node.left), ops, low.exprs(node.comparators))


_EXPRESSIONS: dict[type[ast.AST], Lowerer] = {
    ast.Name: lambda low, e: n.Name(low.pos(e), e.id),
    ast.Attribute: lambda low, e: n.Attribute(low.pos(e), low.expr(e.value), e.attr),
    ast.Call: lambda low, e: n.Call(low.pos(e), low.expr(e.func), low.exprs(e.args), low.keywords(e.keywords)),
    ast.Constant: _constant,
    ast.Tuple: _sequence("tuple"),
    ast.List: _sequence("list"),
    ast.Set: _sequence("set"),
    ast.Dict: lambda low, e: n.Dict(low.pos(e), tuple([low.maybe(k) for k in e.keys]), low.exprs(e.values)),
    ast.Subscript: lambda low, e: n.Subscript(low.pos(e), low.expr(e.value), low.expr(e.slice)),
    ast.Slice: lambda low, e: n.Slice(low.pos(e), low.maybe(e.lower), low.maybe(e.upper), low.maybe(e.step)),
    ast.BoolOp: lambda low, e: n.BoolOp(low.pos(e), _OPERATORS[type(e.op)], low.exprs(e.values)),
    ast.UnaryOp: lambda low, e: n.UnaryOp(low.pos(e), _OPERATORS[type(e.op)], low.expr(e.operand)),
    ast.BinOp: lambda low, e: n.BinOp(low.pos(e), _OPERATORS[type(e.op)], low.expr(e.left), low.expr(e.right)),
    ast.Compare: _compare,
    ast.IfExp: lambda low, e: n.IfExp(low.pos(e), low.expr(e.test), low.expr(e.body), low.expr(e.orelse)),
    ast.Lambda: lambda low, e: n.Lambda(low.pos(e), low.params(e.args), low.expr(e.body)),
    ast.ListComp: _comprehension("list"),
    ast.SetComp: _comprehension("set"),
    ast.GeneratorExp: _comprehension("generator"),
    ast.DictComp: _dict_comprehension,
    ast.Await: lambda low, e: n.Await(low.pos(e), low.expr(e.value)),
    ast.Yield: lambda low, e: n.Yield(low.pos(e), low.maybe(e.value), False),
    ast.YieldFrom: lambda low, e: n.Yield(low.pos(e), low.expr(e.value), True),
    ast.NamedExpr: lambda low, e: n.Walrus(low.pos(e), n.Name(low.pos(e.target), e.target.id), low.expr(e.value)),
    ast.Starred: lambda low, e: n.Starred(low.pos(e), low.expr(e.value)),
    ast.JoinedStr: _format,
}


def _function(low: _Lowering, node: Any) -> n.Stmt:
    return n.FunctionDef(
        low.pos(node),
        node.name,
        low.params(node.args),
        low.block(node.body),
        low.exprs(node.decorator_list),
        low.maybe(node.returns),
        isinstance(node, ast.AsyncFunctionDef),
    )


def _class(low: _Lowering, node: ast.ClassDef) -> n.Stmt:
    return n.ClassDef(
        low.pos(node),
        node.name,
        low.exprs(node.bases),
        low.keywords(node.keywords),
        low.block(node.body),
        low.exprs(node.decorator_list),
    )


def _try(low: _Lowering, node: Any) -> n.Stmt:
    handlers = tuple([n.Handler(low.pos(h), low.maybe(h.type), h.name, low.block(h.body)) for h in node.handlers])
    is_star = type(node).__name__ == "TryStar"
    return n.Try(
        low.pos(node), low.block(node.body), handlers, low.block(node.orelse), low.block(node.finalbody), is_star
    )


def _with(low: _Lowering, node: Any) -> n.Stmt:
    items = tuple([n.WithItem(low.expr(i.context_expr), low.maybe(i.optional_vars)) for i in node.items])
    return n.With(low.pos(node), items, low.block(node.body), isinstance(node, ast.AsyncWith))


def _for(low: _Lowering, node: Any) -> n.Stmt:
    is_async = isinstance(node, ast.AsyncFor)
    target, source = low.expr(node.target), low.expr(node.iter)
    return n.For(low.pos(node), target, source, low.block(node.body), low.block(node.orelse), is_async)


def _match(low: _Lowering, node: ast.Match) -> n.Stmt:
    cases: list[n.Case] = []
    for case in node.cases:
        names = {part.name for part in ast.walk(case.pattern) if isinstance(part, (ast.MatchAs, ast.MatchStar))}
        names |= {part.rest for part in ast.walk(case.pattern) if isinstance(part, ast.MatchMapping)}
        bound = tuple(sorted(name for name in names if name))
        cases.append(
            n.Case(low.pos(case.pattern), bound, _irrefutable(case), low.maybe(case.guard), low.block(case.body))
        )
    return n.Match(low.pos(node), low.expr(node.subject), tuple(cases))


def _irrefutable(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None


def _aliases(node: ast.Import | ast.ImportFrom) -> tuple[tuple[str, str | None], ...]:
    return tuple([(alias.name, alias.asname) for alias in node.names])


def _type_alias(low: _Lowering, node: Any) -> n.Stmt:
    return n.Assign(low.pos(node), (low.expr(node.name),), low.expr(node.value))


_STATEMENTS: dict[type[ast.AST], Lowerer] = {
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Expr: lambda low, s: n.ExprStmt(low.pos(s), low.expr(s.value)),
    ast.Assign: lambda low, s: n.Assign(low.pos(s), low.exprs(s.targets), low.expr(s.value)),
    ast.AnnAssign: lambda low, s: n.AnnAssign(
        low.pos(s), low.expr(s.target), low.expr(s.annotation), low.maybe(s.value)
    ),
    ast.AugAssign: lambda low, s: n.AugAssign(
        low.pos(s), low.expr(s.target), _OPERATORS[type(s.op)], low.expr(s.value)
    ),
    ast.Return: lambda low, s: n.Return(low.pos(s), low.maybe(s.value)),
    ast.Raise: lambda low, s: n.Raise(low.pos(s), low.maybe(s.exc), low.maybe(s.cause)),
    ast.Assert: lambda low, s: n.Assert(low.pos(s), low.expr(s.test), low.maybe(s.msg)),
    ast.Delete: lambda low, s: n.Delete(low.pos(s), low.exprs(s.targets)),
    ast.If: lambda low, s: n.If(low.pos(s), low.expr(s.test), low.block(s.body), low.block(s.orelse)),
    ast.While: lambda low, s: n.While(low.pos(s), low.expr(s.test), low.block(s.body), low.block(s.orelse)),
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.Try: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Match: _match,
    ast.Import: lambda low, s: n.Import(low.pos(s), _aliases(s)),
    ast.ImportFrom: lambda low, s: n.ImportFrom(low.pos(s), s.module, _aliases(s), s.level),
    ast.Global: lambda low, s: n.Scope(low.pos(s), "global", tuple(s.names)),
    ast.Nonlocal: lambda low, s: n.Scope(low.pos(s), "nonlocal", tuple(s.names)),
    ast.Pass: lambda low, s: n.Jump(low.pos(s), "pass"),
    ast.Break: lambda low, s: n.Jump(low.pos(s), "break"),
    ast.Continue: lambda low, s: n.Jump(low.pos(s), "continue"),
}
if hasattr(ast, "TryStar"):
    _STATEMENTS[ast.TryStar] = _try
if hasattr(ast, "TypeAlias"):
    _STATEMENTS[ast.TypeAlias] = _type_alias


def lower_module(tree: ast.Module, lines: list[bytes] | None = None, max_depth: int = MAX_DEPTH) -> n.Module:
    """Lower a parsed file.

    Args:
        tree: what ``ast.parse`` returned.
        lines: the file's lines as UTF-8 bytes where it is not plain ASCII, else None.
        max_depth: the deepest nesting of expressions and blocks taken; a statement beyond it is a bound.
    """
    low = _Lowering(lines, max_depth)
    return n.Module(low.block(tree.body), tuple(low.bounds))
