"""What the arguments of a ``relationship()`` call say."""

from __future__ import annotations

from sqla_lint.index.annotations import keyword, string
from sqla_lint.lower import nodes as n


def cascades(call: n.Call) -> bool:
    """Whether ``save-update`` is among a relationship's cascades, as it is unless the call says otherwise."""
    said = keyword(call, "cascade")
    if keyword(call, "viewonly") is not None or any(k.name is None for k in call.keywords):
        return False
    return said is None or bool({"all", "save-update"} & {word.strip() for word in (string(said) or "").split(",")})
