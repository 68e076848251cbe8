from __future__ import annotations

import pytest

from sqla_lint.rules import all_rules
from sqla_lint.selection import UnknownSelector, find_rule, parse_selector, selected_codes

EVERY = {rule.code for rule in all_rules()}
DEFAULT = {rule.code for rule in all_rules() if rule.default}


def test_codes_and_prefixes_stand_and_names_become_codes() -> None:
    assert parse_selector("SES401") == "SES401"
    assert parse_selector("SES4") == "SES4"
    assert parse_selector("lazy-load-in-loop") == "SES401"


@pytest.mark.parametrize(
    "wrong, right",
    [
        ("SES4O1", "SES401"),
        ("ses4", "SES4"),
        ("ses401", "SES401"),
        ("lazy-load-in-lop", "lazy-load-in-loop"),
        ("Lazy-Load-In-Loop", "lazy-load-in-loop"),
        ("zzzzzzzzzzzz", None),
        ("", None),
    ],
)
def test_a_wrong_selector_names_the_nearest_right_one(wrong: str, right: str | None) -> None:
    with pytest.raises(UnknownSelector) as caught:
        parse_selector(wrong)
    assert caught.value.nearest == right
    assert repr(wrong) in str(caught.value)
    assert right is None or f"did you mean {right!r}?" in str(caught.value)


def test_a_rule_is_found_by_its_whole_code_or_name_only() -> None:
    assert find_rule("SES401").name == "lazy-load-in-loop"
    with pytest.raises(UnknownSelector):
        find_rule("SES4")


@pytest.mark.parametrize(
    "select, extend, ignore, expected",
    [
        ((), (), (), DEFAULT),
        (("SES401",), (), (), {"SES000", "SES401"}),
        ((), (), ("SES",), set()),
        ((), (), ("SES4",), DEFAULT - {code for code in EVERY if code.startswith("SES4")}),
        (("SES401",), (), ("SES4",), {"SES000", "SES401"}),
        (("SES401",), (), ("SES401",), {"SES000"}),
        ((), ("SES001",), (), DEFAULT | {"SES001"}),
        ((), ("SES00",), (), DEFAULT),
        (("SES",), (), (), DEFAULT),
        (("SES001",), (), (), {"SES000", "SES001"}),
        ((), ("SES001",), ("SES0",), (DEFAULT | {"SES001"}) - {"SES000"}),
        ((), ("SES001",), ("SES001",), DEFAULT),
    ],
)
def test_the_longest_selector_decides(
    select: tuple[str, ...], extend: tuple[str, ...], ignore: tuple[str, ...], expected: set[str]
) -> None:
    assert selected_codes(select, extend, ignore) == expected
