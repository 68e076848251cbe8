"""What the linter says of generated programs is what running them shows."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from flow.compare import POLICIES, Difference, explained, verdicts
from flow.decisions import Database
from flow.generate import CLOSING, Program, generate
from flow.observe import database, observe

QUICK = range(240)
CLOSES = range(CLOSING, CLOSING + 80)
BLOCKS = [pytest.param(QUICK, id="quick"), pytest.param(CLOSES, id="closes")] + [
    pytest.param(range(start, start + 300), id=f"{start}", marks=pytest.mark.slow)
    for start in (*range(1000, 3400, 300), CLOSING + 300)
]


class Compared(NamedTuple):
    """What a range of seeds gave: differences with their programs and policies, and what was counted."""

    differences: tuple[tuple[Program, Difference, str], ...]
    counts: Counter[str]


@pytest.fixture(scope="module")
def running() -> Iterator[Database]:
    with warnings.catch_warnings(), database() as opened:
        warnings.simplefilter("ignore")
        yield opened


@pytest.fixture(scope="module")
def compared(request: pytest.FixtureRequest, running: Database) -> Compared:
    found: list[tuple[Program, Difference, str]] = []
    counts: Counter[str] = Counter()
    for seed in request.param:
        program = generate(seed)
        judged, bounded = verdicts(program.text)
        counts["given up"] += bounded is not None
        if bounded is not None:
            continue
        limit = 120 if request.param in (QUICK, CLOSES) else 400
        seen = observe(program, running, limit, sampled=limit // 4)
        counts.update(runs=seen.runs, programs=1, complete=seen.complete)
        counts.update(j.rule.code for j in judged)
        found += [(program, difference, why) for difference, why in explained(program, seen, judged, running)]
    return Compared(tuple(found), counts)


def alarms(compared: Compared) -> list[tuple[Program, Difference, str]]:
    """The reports that no run and no policy explains."""
    return [each for each in compared.differences if each[1].what == "false alarm" and not each[2]]


def listed(wrong: list[tuple[Program, Difference, str]]) -> str:
    return "\n".join(f"--- seed {p.seed}: {d} {why}\n{_numbered(p.text)}" for p, d, why in wrong[:3])


def _numbered(text: str) -> str:
    start = text[: text.index("def f(")].count("\n")
    return "\n".join(f"{number:3} {line}" for number, line in enumerate(text.splitlines(), 1) if number > start)


@pytest.mark.parametrize("compared", BLOCKS, indirect=True)
class TestGenerated:
    def test_what_a_run_shows_is_reported(self, compared: Compared) -> None:
        wrong = [each for each in compared.differences if each[1].what == "missed" and not each[2]]
        assert not wrong, listed(wrong)

    def test_nothing_is_reported_that_no_run_shows(self, compared: Compared) -> None:
        wrong = alarms(compared)
        assert not wrong, listed(wrong)

    def test_few_reports_rest_on_a_policy(self, compared: Compared) -> None:
        by_policy = Counter(why for _, _, why in compared.differences if why)
        assert by_policy.keys() <= POLICIES.keys()
        assert sum(by_policy.values()) * 20 < compared.counts["programs"], by_policy

    def test_the_programs_are_worth_it(self, compared: Compared) -> None:
        counts = compared.counts
        assert counts["complete"] * 10 > counts["programs"] * 8
        assert counts["given up"] * 100 < counts["programs"]
        assert min(counts["SES201"], counts["SES302"], counts["SES301"] * 20) * 20 > counts["programs"]


def test_a_seed_is_always_the_same_program() -> None:
    assert [generate(seed) for seed in range(20)] == [generate(seed) for seed in range(20)]
    assert len({generate(seed).text for seed in range(200)}) > 180
