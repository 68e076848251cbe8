"""What the analysis of one project gives: frozen values without a tree, to be kept, compared and sent."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from sqla_lint.finding import Applicability, Edit, Finding, Fix, Pattern, Related, Severity, Span
from sqla_lint.source import Unreadable


class InternalError(NamedTuple):
    """Something went wrong in the linter itself while it worked on *path*; the other files were still checked."""

    path: str
    message: str


class Analysis(NamedTuple):
    """What was found in one project, before selection and suppression."""

    findings: tuple[Finding, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    errors: tuple[InternalError, ...] = ()
    notes: tuple[str, ...] = ()


def decoded(value: Any) -> Analysis:
    """The analysis that was written as JSON and read as *value*.

    Raises:
        ValueError, TypeError: *value* is not what is written of an analysis.
    """
    findings, unreadable, errors, notes = value
    return Analysis(
        tuple(map(_finding, findings)),
        tuple(
            Unreadable(_text(path), _number(line), _number(column), _text(why))
            for path, line, column, why in unreadable
        ),
        tuple(InternalError(_text(path), _text(message)) for path, message in errors),
        tuple(map(_text, notes)),
    )


def _finding(value: Any) -> Finding:
    path, span, code, name, severity, message, function, related, fix, refused = value
    return Finding(
        path=_text(path),
        span=_span(span),
        code=_text(code),
        name=_text(name),
        severity=_one_of(Severity, severity),
        message=_text(message),
        function=_optional_text(function),
        related=tuple(Related(_text(place), _span(where), _text(what)) for place, where, what in related),
        fix=None if fix is None else _fix(fix),
        fix_refused=_optional_text(refused),
    )


def _fix(value: Any) -> Fix:
    applicability, pattern, summary, edits = value
    return Fix(
        _one_of(Applicability, applicability),
        _one_of(Pattern, pattern),
        _text(summary),
        None if edits is None else tuple(Edit(_text(p), _span(s), _text(c), bool(b)) for p, s, c, b in edits),
    )


def _span(value: Any) -> Span:
    line, column, end_line, end_column = map(_number, value)
    return Span(line, column, end_line, end_column)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _one_of(choices: Any, value: Any) -> Any:
    if value not in get_args(choices):
        raise ValueError("none of the words that are possible")
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("not a number")
    return value
