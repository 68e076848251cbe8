"""The scanner's tokens."""

from __future__ import annotations

import pytest

from sqla_lint.lower.scan import ScanError, statement_end, tokens


def _strings(text: str) -> list[str]:
    return [text[token.start : token.end] for token in tokens(text) if token.kind == "string"]


@pytest.mark.parametrize(
    ("text", "strings"),
    [
        ("'a' \"b\"", ["'a'", '"b"']),
        ("f('a', b)", ["'a'"]),
        ("x if'a'else\"b\"", ["'a'", '"b"']),
        (r"'a\'b' rb'\\' R'\''", [r"'a\'b'", r"rb'\\'", r"R'\''"]),
        ("'''a'b''c''' + ''", ["'''a'b''c'''", "''"]),
        ("f'{a['b']}' f\"{f\"{c}\"}\"", ["f'{a['b']}'", 'f"{f"{c}"}"']),
        ("f'{{' f'}}' f'{a}'", ["f'{{'", "f'}}'", "f'{a}'"]),
        ("f'{a:{b}.{c}}' + d", ["f'{a:{b}.{c}}'"]),
        (r"f'\{a}' f'\'' rf'\N{a}' f'\N{DIGIT ONE}'", [r"f'\{a}'", r"f'\''", r"rf'\N{a}'", r"f'\N{DIGIT ONE}'"]),
        ("f'''{\na # c }'\n}''' 'd'", ["f'''{\na # c }'\n}'''", "'d'"]),
        ("t'{a}' # 'b'", ["t'{a}'"]),
        ("'a\\\nb'", ["'a\\\nb'"]),
    ],
)
def test_strings(text: str, strings: list[str]) -> None:
    assert _strings(text) == strings


@pytest.mark.parametrize("text", ["'a", "'a\n'", "'''a'", "f'{a", "f'{a:{b}", "f'a", "'\\'"])
def test_strings_without_an_end(text: str) -> None:
    with pytest.raises(ScanError):
        list(tokens(text))


def test_tokens_cover_the_text() -> None:
    text = "def f(a: int) -> b:\r\n\tx = a[1:2] != 'c' \\\n  # d\n"
    assert "".join(text[token.start : token.end] for token in tokens(text)) == text


@pytest.mark.parametrize(
    "marked",
    [
        "|a|; b",
        "a; |b = (c;\n d)|",
        "|x = 'a;b'| # c; d",
        "@a\n@(\nb)\n# c\n|def f():\n  pass\n\n  # d\n  x;|\n  # e\n\ny",
        "  |if a: b|\n  x",
        "|if a:\n b\nelif c: d\n# e\nelse:\n  f|\nif g: h",
        "|match a:\n case b: c\n case d: e|\ncase = 1",
        "|match[a:b]|; x",
        "|try: a\nfinally: b|",
    ],
)
def test_statement_end(marked: str) -> None:
    before, inside, after = marked.split("|")
    start = 0 if before.startswith("@") else len(before)
    assert statement_end(before + inside + after, start) == (len(before), len(before + inside))


def test_no_statement() -> None:
    with pytest.raises(ScanError):
        statement_end("@a\n# b\n", 0)
