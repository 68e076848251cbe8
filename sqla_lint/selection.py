"""Which rules are on: selectors (a code, a prefix of codes, or a name) and what they choose."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Final

from sqla_lint.rules import Rule, all_rules

SYNTAX_ERROR: Final = "SES000"
UNUSED_SUPPRESSION: Final = "SES001"

_CODE_LIKE = re.compile(r"^[A-Za-z]{1,4}\w{0,4}$")


class UnknownSelector(ValueError):
    """A selector that means no rule; *nearest* is the right word that comes closest, or None."""

    def __init__(self, selector: str, nearest: str | None) -> None:
        super().__init__(f"unknown rule {selector!r}{did_you_mean(nearest)}")
        self.selector = selector
        self.nearest = nearest


def did_you_mean(nearest: str | None) -> str:
    """The second half of an error about a wrong word."""
    return f"; did you mean {nearest!r}?" if nearest else ""


def nearest_word(word: str, words: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The one of *words* that *word* was probably meant to be."""
    by_lower = {candidate.lower(): candidate for candidate in words}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[close[0]] if close else None


def parse_selector(selector: str) -> str:
    """A code or a prefix as it stands, a name as its rule's code.

    Raises:
        UnknownSelector: no rule has this code, prefix or name.
    """
    for rule in all_rules():
        if selector == rule.name:
            return rule.code
    if selector and any(rule.code.startswith(selector) for rule in all_rules()):
        return selector
    raise UnknownSelector(selector, _nearest(selector))


def find_rule(word: str) -> Rule:
    """The rule of this exact code or name.

    Raises:
        UnknownSelector: there is none.
    """
    for rule in all_rules():
        if word in (rule.code, rule.name):
            return rule
    raise UnknownSelector(word, _nearest(word))


def _nearest(selector: str) -> str | None:
    codes = [rule.code for rule in all_rules()]
    if _CODE_LIKE.match(selector):
        prefixes = {code[:length] for code in codes for length in (3, 4)}
        upper = selector.upper()
        return upper if upper in prefixes else nearest_word(selector, codes)
    return nearest_word(selector, [rule.name for rule in all_rules()])


def selected_codes(select: Collection[str], extend: Collection[str], ignore: Collection[str]) -> frozenset[str]:
    """The codes that are on.

    The longest selector decides between *ignore* and the other two, *ignore* winning a draw. A rule that is off by
    default is turned on by its exact code only. SES000 does not depend on *select*: a file must not drop out unseen.
    """
    return frozenset(rule.code for rule in all_rules() if _is_on(rule, select, extend, ignore))


def _is_on(rule: Rule, select: Collection[str], extend: Collection[str], ignore: Collection[str]) -> bool:
    chosen = [selector for selector in (*select, *extend) if rule.code.startswith(selector)]
    if rule.code in chosen:
        return rule.code not in ignore
    if not rule.default:
        return False
    if not select or rule.code == SYNTAX_ERROR:
        chosen.append("")
    return bool(chosen) and _longest(rule.code, chosen) > _longest(rule.code, ignore)


def _longest(code: str, selectors: Collection[str]) -> int:
    """The length of the longest selector that covers *code*; -1 if none does."""
    return max((len(selector) for selector in selectors if code.startswith(selector)), default=-1)


def covers(selectors: Collection[str], code: str) -> bool:
    """Whether any of *selectors* is *code* or a prefix of it."""
    return code.startswith(tuple(selectors))
