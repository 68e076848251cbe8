"""How long a line may be is read from the lines that a formatter would break."""

from __future__ import annotations

import pytest

from sqla_lint.codemods.line_room import room


def _lines(*lengths: int) -> list[str]:
    return ["x" * length + "\r\n" for length in lengths]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (_lines(40), 100),
        (_lines(*[40] * 150), 79),
        (_lines(*[85] * 150), 88),
        (_lines(*[85] * 20), 100),
        (_lines(*[85] * 150, 100), 100),
        (_lines(110), 120),
        (_lines(150), 120),
        ([*_lines(*[85] * 150), f'"{"x" * 110}"\n', f"# {'x' * 110}\n"], 88),
    ],
)
def test_room(lines: list[str], expected: int) -> None:
    assert room(lines) == expected
