"""How long the lines of a file may be."""

from __future__ import annotations

from collections.abc import Sequence

_LIMITS = (79, 88, 100, 120)
_USUAL = 100
# A file of fewer lines than this may just have no long ones.
_TELLING = 100


def room(lines: Sequence[str]) -> int:
    """The length that the lines of a file keep to.

    Lines with text or a comment tell nothing: no formatter breaks those.
    """
    code = [line.rstrip() for line in lines if not any(sign in line for sign in "\"'#")]
    longest = max(map(len, code), default=0)
    limit = next((limit for limit in _LIMITS if longest <= limit), _LIMITS[-1])
    return limit if len(code) >= _TELLING else max(limit, _USUAL)
