"""Both front ends agree on generated programs: every kind of expression in every other, oddly laid out."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lower.agreement import disagreement, from_ast, unconfirmed

ATOMS = [
    "a",
    "é",
    "ﬁ",
    "None",
    "1",
    "0x1F",
    "1.50",
    "2j",
    "...",
    "'s'",
    "'é' \"t\"",
    "b'\\x00'",
    "r'\\d'",
    "f'{a}'",
    "()",
]
FORMS = [
    "{0}.b", "{0}({1})", "{0}({1}, *{2}, k={1}, **{0})", "{0}[{1}]", "{0}[{1}:{2}, ::]", "{0}[{1},]", "({0} + {1})",
    "(-{0})", "(not {0})", "({0} and {1} and {2})", "({0} or ({1} or {2}))", "({0} < {1} not in {2})",
    "({0} if {1} else {2})", "(lambda a, /, *b, c={0}: {1})", "[{0}, *{1}]", "{{{0}, {1}}}", "{{{0}: {1}, **{2}}}",
    "({0},)", "({0})", "[{0} for a in {1} if {2}]", "{{{0}: {1} for a, in {2}}}", "{0}({1} for a in {2})",
    "(x := {0})", "(yield {0})", "(await {0})", "f'{{ {3} !r:>{{{4}}}}}' 'é'", "{0} @ {1}", "{0} ** {1}", "~ {0}",
]  # fmt: skip
SIMPLE = [
    "{0}", "x = y.z = {0}", "x: {0} = {1}", "x[0] += {0}", "return {0}, {1}", "raise {0} from {1}", "assert {0}, {1}",
    "del x, (y[{0}])", "pass", "from . import (a as b,)", "global g", "yield", "x = yield from {0}",
]  # fmt: skip
COMPOUND = [
    "if {0}:{B}elif {1}:{B}else:{B}", "while {0}:{B}", "for a, b in {0}:{B}else:{B}", "async for a in {0}:{B}",
    "with {0} as a, {1}:{B}", "with ({0} as a, {1},):{B}", "async with {0}:{B}", "try:{B}except {0} as e:{B}finally:{B}",
    "try:{B}except:{B}else:{B}", "@{0}\n@d\ndef f(a: {0}, *, b={1}) -> {2}:{B}", "async def f(a, /, *b: {0}, **c):{B}",
    "class A({0}, k={1}):{B}", "match {0}:\n case [a, *_] | {{'k': a}} if {1}:{B} case _:{B}",
]  # fmt: skip
PLACES = [" ", "  ", "\t", " \\\n ", "\f "]
PLAIN = ["a", "b.c", "d[0]", "g(h, 1)"]

FIELDS = st.sampled_from(PLAIN)


def _filled(form: str, parts: tuple[str, ...]) -> str:
    return form.format(*parts)


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(_filled, st.sampled_from(FORMS), st.tuples(inner, inner, inner, FIELDS, FIELDS))


EXPRESSIONS = st.recursive(st.sampled_from(ATOMS), _deeper, max_leaves=6)
LINES = st.builds(_filled, st.sampled_from(SIMPLE), st.tuples(EXPRESSIONS, EXPRESSIONS))
SUITES = st.lists(LINES, min_size=1, max_size=3).flatmap(
    lambda lines: st.sampled_from(["; ".join(lines), "; ".join(lines) + ";", lines[0]])
)


def _indented(text: str, indent: str) -> str:
    return "\n" + "\n".join(indent + line for line in text.split("\n")) + "\n"


def _compound(form: str, parts: tuple[str, ...], body: str, indent: str, comment: str) -> str:
    return form.format(*parts, B=comment + _indented(body, indent))


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.tuples(EXPRESSIONS, EXPRESSIONS, EXPRESSIONS)
    indents, comments = st.sampled_from(["  ", "\t", "    "]), st.sampled_from(["", "  # c", "\n\n  # d"])
    one = st.builds(_compound, st.sampled_from(COMPOUND), parts, inner, indents, comments)
    return one | st.builds("{}\n{}".format, one, inner)


BLOCKS = st.recursive(SUITES, _blocks, max_leaves=4)


def _laid_out(text: str, blank: str) -> str:
    # Not in the indentation: libcst does not know a backslash there.
    return re.sub(r"(?<=\S) ", lambda _: blank, text)


PROGRAMS = st.builds(_laid_out, BLOCKS, st.sampled_from(PLACES))


@given(st.one_of(BLOCKS, PROGRAMS), st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=400, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_both_front_ends_agree(text: str, line_end: str) -> None:
    text = text.replace("\n", line_end)
    try:
        from_ast(text)
    except SyntaxError:
        assume(False)
    assert disagreement(text) is None
    assert [line for line in unconfirmed(text, (tuple,)) if "elif" not in text] == []
