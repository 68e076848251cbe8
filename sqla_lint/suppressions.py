"""Comments that suppress findings: ``# noqa`` exactly as flake8 reads it, and ``# sqla-lint: ignore[...]``.

flake8 searches one text for each line: the line itself, or all lines of a multi-line string or of backslash
continuations joined. Lines inside brackets stand alone. The first ``# noqa`` in that text counts, wherever in it,
strings included. A line that begins with ``# flake8: noqa`` silences the file, whatever follows.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from sqla_lint.finding import Finding, Span
from sqla_lint.rules import Rule, all_rules
from sqla_lint.selection import SYNTAX_ERROR, UNUSED_SUPPRESSION, UnknownSelector, covers, find_rule, parse_selector
from sqla_lint.source import Source

NOQA = re.compile(r"# noqa(?::[\s]?(?P<codes>([A-Z]+[0-9]+(?:[,\s]+)?)+))?", re.IGNORECASE)
_NOQA_FILE = re.compile(r"\s*# flake8[:=]\s*noqa", re.IGNORECASE)
_OWN = re.compile(r"#\s*sqla-lint:\s*ignore(?:\[(?P<codes>[^\]\n]*)\])?", re.IGNORECASE)
_ANY = re.compile(r"noqa|sqla-lint:", re.IGNORECASE)
_SEPARATOR = re.compile(r"[,\s]+")
_OUR_LETTERS = "SES"


class Suppressed(NamedTuple):
    """The findings that no comment suppresses, and one SES001 for each suppression that suppressed nothing."""

    kept: tuple[Finding, ...]
    unused: tuple[Finding, ...]


class _Directive(NamedTuple):
    """One comment: the lines it speaks for, the codes it names (None for all), where it stands."""

    lines: range
    codes: tuple[str, ...] | None
    span: Span
    is_noqa: bool
    is_comment: bool

    def hides(self, finding: Finding) -> bool:
        return finding.span.line in self.lines and (self.codes is None or covers(self.codes, finding.code))


class Lines(NamedTuple):
    """The ranges of lines that are searched as one, by line, and where the comments begin."""

    ranges: dict[int, range]
    comments: dict[int, int]


def suppress(source: Source, findings: Sequence[Finding], enabled: Collection[str], *, noqa: bool = True) -> Suppressed:
    """Apply the comments of *source* to the findings in it.

    Args:
        source: the file.
        findings: all findings in it, whether their rules are selected or not.
        enabled: the codes that this run reports; a suppression of any other is not called unused.
        noqa: whether ``# noqa`` is obeyed; flake8 does that itself.
    """
    nothing_to_say = not findings and UNUSED_SUPPRESSION not in enabled
    if nothing_to_say or not _ANY.search(source.text):
        return Suppressed(tuple(findings), ())
    if noqa and any(_NOQA_FILE.match(line) for line in source.lines):
        return Suppressed((), ())
    if UNUSED_SUPPRESSION not in enabled and not _may_hide(source.text, findings):
        return Suppressed(tuple(findings), ())
    directives = _directives(source)
    obeyed = [directive for directive in directives if noqa or not directive.is_noqa]
    kept = tuple(finding for finding in findings if not _hidden(finding, obeyed))
    if UNUSED_SUPPRESSION not in enabled or any(finding.code == SYNTAX_ERROR for finding in findings):
        return Suppressed(kept, ())
    unused: list[Finding] = []
    for directive in directives:
        # An idle comment does not excuse itself, except where flake8 would take it to.
        others = [other for other in obeyed if other.is_noqa or other is not directive]
        found = _unused(source.path, directive, findings, enabled)
        unused.extend(finding for finding in found if not _hidden(finding, others))
    return Suppressed(kept, tuple(unused))


def _may_hide(text: str, findings: Iterable[Finding]) -> bool:
    """Whether a comment somewhere in *text* is for one of the findings: only then it matters on which lines."""
    codes = {finding.code for finding in findings}
    noqas = (_noqa_codes(found) for found in NOQA.finditer(text))
    own = (_own_codes(found["codes"]) if found["codes"] is not None else None for found in _OWN.finditer(text))
    return any(named is None or any(covers(named, code) for code in codes) for named in chain(noqas, own))


def _noqa_codes(found: re.Match[str]) -> list[str] | None:
    return None if found["codes"] is None else [code for code in _SEPARATOR.split(found["codes"]) if code]


def _hidden(finding: Finding, directives: Iterable[_Directive]) -> bool:
    return any(directive.hides(finding) for directive in directives)


def _directives(source: Source) -> list[_Directive]:
    """Every directive of the file. A line that no range covers is searched alone, as flake8 does."""
    lines = joined_lines(source)
    directives: list[_Directive] = []
    number = 1
    while number <= len(source.lines):
        together = lines.ranges.get(number, range(number, number + 1))
        directives.extend(_in_lines(source, together, lines))
        number = max(together.stop, number + 1)
    return directives


def _in_lines(source: Source, together: range, lines: Lines) -> Iterable[_Directive]:
    text = "".join(universal(line) for line in source.lines[together.start - 1 : together.stop - 1])
    found = NOQA.search(text)
    if found:
        yield _directive(text, together, lines, found, _noqa_codes(found))
    for found in _OWN.finditer(text):
        codes = _own_codes(found["codes"]) if found["codes"] is not None else None
        yield _directive(text, together, lines, found, codes)


def _directive(
    text: str, together: range, lines: Lines, found: re.Match[str], codes: Sequence[str] | None
) -> _Directive:
    before = text[: found.start()]
    line = together.start + before.count("\n")
    column = len(before) - (before.rfind("\n") + 1)
    length = len(found.group().rstrip().split("\n")[0])
    return _Directive(
        lines=together,
        codes=None if codes is None else tuple(codes),
        span=Span(line, column + 1, line, column + 1 + length),
        is_noqa=found.re is NOQA,
        is_comment=line in lines.comments and lines.comments[line] <= column,
    )


def _own_codes(text: str) -> list[str]:
    """Codes as they stand, and names as codes; what is neither suppresses nothing."""
    codes = []
    for word in _SEPARATOR.split(text.strip()):
        try:
            codes.append(parse_selector(word))
        except UnknownSelector:
            codes.append(word)
    return [code for code in codes if code]


def _unused(
    path: str, directive: _Directive, findings: Sequence[Finding], enabled: Collection[str]
) -> Iterable[Finding]:
    if not directive.is_comment:
        return
    here = [finding for finding in findings if finding.span.line in directive.lines]
    if directive.codes is None:
        idle = ["everything"] if not directive.is_noqa and not here else []
    else:
        ours = [code for code in directive.codes if not directive.is_noqa or code.startswith(_OUR_LETTERS)]
        idle = [code for code in ours if not any(finding.code.startswith(code) for finding in here)]
        idle = [code for code in idle if _is_judged(code, enabled)]
    if idle:
        rule = find_rule(UNUSED_SUPPRESSION)
        message = f"nothing to suppress here: {', '.join(idle)}; delete it from the comment, or the comment"
        yield Finding(path, directive.span, rule.code, rule.name, rule.severity, message)


def _is_judged(code: str, enabled: Collection[str]) -> bool:
    """Whether all rules that *code* covers were on; true of a code that covers none."""
    covered: list[Rule] = [rule for rule in all_rules() if rule.code.startswith(code)]
    return all(rule.code in enabled for rule in covered)


def joined_lines(source: Source) -> Lines:
    """flake8's line mapping. Where the file does not tokenize, every line stands alone."""
    ranges: dict[int, range] = {}
    comments: dict[int, int] = {}
    first, last = len(source.lines) + 2, -1
    reader = io.StringIO("".join(map(universal, source.lines)), newline="\n").readline
    try:
        tokens = list(tokenize.generate_tokens(reader))
    except (tokenize.TokenError, SyntaxError):
        return Lines({}, {})
    for token in tokens:
        if token.type in (tokenize.ENDMARKER, tokenize.DEDENT):
            continue
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.start[1]
        first, last = min(first, token.start[0]), max(last, token.end[0])
        if token.type in (tokenize.NL, tokenize.NEWLINE):
            ranges.update(dict.fromkeys(range(first, last + 1), range(first, last + 1)))
            first, last = len(source.lines) + 2, -1
    return Lines(ranges, comments)


def universal(line: str) -> str:
    """The line with the end that flake8 sees, which reads files with universal newlines."""
    return line.rstrip("\r\n") + "\n" if line.endswith(("\r", "\n")) else line
