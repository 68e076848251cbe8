"""Names, numbers and strings of a libcst tree."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import libcst as cst

from sqla_lint.lower import nodes as n
from sqla_lint.lower.cst_lowering import Lowerer, Lowering, identifier

_CONSTANTS: dict[str, tuple[bool | None, str]] = {
    "True": (True, "bool"),
    "False": (False, "bool"),
    "None": (None, "NoneType"),
}


def _name(low: Lowering, node: cst.Name, start: int) -> n.Expr:
    low.token(node.value)
    pos = low.span(start)
    constant = _CONSTANTS.get(node.value)
    if constant is not None:
        return n.Constant(pos, *constant)
    return n.Name(pos, identifier(node.value))


def _literal(kind: str, value_of: Callable[[str], str | int]) -> Lowerer:
    def lower(low: Lowering, node: Any, start: int) -> n.Expr:
        low.token(node.value)
        return n.Constant(low.span(start), value_of(node.value), kind)

    return lower


def _ellipsis(low: Lowering, node: cst.Ellipsis, start: int) -> n.Expr:
    low.token("...")
    return n.Constant(low.span(start), "Ellipsis", "ellipsis")


def _float_text(text: str) -> str:
    return repr(float(text))


def _complex_text(text: str) -> str:
    return repr(complex(text.replace("_", "")))


def _int_value(text: str) -> int:
    return int(text, 0)


def _string(low: Lowering, node: cst.SimpleString, start: int) -> n.Expr:
    low.token(node.value)
    value = _string_value(node.value)
    return n.Constant(low.span(start), value, type(value).__name__)


def _string_value(text: str) -> str | bytes:
    quote = text[-1]
    if text[0] == quote and "\\" not in text and "\r" not in text:
        size = 3 if len(text) >= 6 and text[1] == text[2] == quote else 1
        return text[size:-size]
    with warnings.catch_warnings():
        # Escapes that Python does not know are its compiler's to report, not ours.
        warnings.simplefilter("ignore")
        value = ast.literal_eval(text)
    assert isinstance(value, (str, bytes))
    return value


def _concatenated(low: Lowering, node: cst.ConcatenatedString, start: int) -> n.Expr:
    pieces: list[Any] = list(_pieces(node))
    found: list[n.Expr] = []
    as_repr: list[int] = []
    for piece in pieces:
        low.start()
        _piece(low, piece, found, as_repr)
    pos = low.span(start)
    values = [_string_value(piece.value) for piece in pieces if isinstance(piece, cst.SimpleString)]
    if len(values) == len(pieces):
        value = values[0][:0].join(values)  # type: ignore[arg-type]
        return n.Constant(pos, value, type(value).__name__)
    if all(isinstance(piece, (cst.SimpleString, cst.FormattedString)) for piece in pieces):
        return n.Format(pos, tuple(found), tuple(as_repr))
    return n.Opaque(pos)


def _pieces(node: Any) -> Iterator[Any]:
    # A loop, for libcst nests the pieces to the right.
    while isinstance(node, cst.ConcatenatedString):
        yield node.left
        node = node.right
    yield node


def _piece(low: Lowering, node: Any, found: list[n.Expr], as_repr: list[int]) -> None:
    if isinstance(node, cst.SimpleString):
        low.token(node.value)
        return
    low.verbatim(node.start)
    _parts(low, node.parts, found, as_repr)
    low.verbatim(node.end)


def _parts(low: Lowering, parts: Any, found: list[n.Expr], as_repr: list[int]) -> None:
    for part in parts:
        if type(part) in _TEXTS:
            low.verbatim(part.value)
            continue
        shown = part.conversion in ("r", "a")
        if shown or (part.equal is not None and part.conversion is None and part.format_spec is None):
            as_repr.append(len(found))
        found.append(low.after("{", part.expression))
        if part.equal is not None:
            low.token("=")
        if part.conversion is not None:
            low.token("!")
            low.token(part.conversion)
        if part.format_spec is not None:
            low.token(":")
            _parts(low, part.format_spec, found, as_repr)
        low.token("}")


def _formatted(low: Lowering, node: cst.FormattedString, start: int) -> n.Expr:
    found: list[n.Expr] = []
    as_repr: list[int] = []
    _piece(low, node, found, as_repr)
    return n.Format(low.span(start), tuple(found), tuple(as_repr))


def _template(low: Lowering, node: Any, start: int) -> n.Expr:
    _piece(low, node, [], [])
    return n.Opaque(low.span(start))


_TEXTS: tuple[type, ...] = (cst.FormattedStringText,)
LITERALS: dict[type, Lowerer] = {
    cst.Name: _name,
    cst.Integer: _literal("int", _int_value),
    cst.Float: _literal("float", _float_text),
    cst.Imaginary: _literal("complex", _complex_text),
    cst.Ellipsis: _ellipsis,
    cst.SimpleString: _string,
    cst.ConcatenatedString: _concatenated,
    cst.FormattedString: _formatted,
}
# Older releases of libcst do not know template strings.
if hasattr(cst, "TemplatedString"):
    _TEXTS += (cst.TemplatedStringText,)
    LITERALS[cst.TemplatedString] = _template
