"""The cases of the with block, run before and after: the same results, and nothing left open."""

from __future__ import annotations

import textwrap
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from oracle.loading import Fixture, running

from codemods.fixing import HEAD, repaired
from codemods.test_context_manager import CASES

# Calls that are made one after the other; `0` as a name makes the insert fail with a duplicate the second time.
CALLS: dict[str, list[str]] = {
    "a comment on a removed line stays if it says something": ["count()"],
    "finally goes with its guard, and the try with it": ["rename('c')"],
    "strings keep their lines": ["run()"],
    "rollback and raise behind a last commit": ["add('a')", "add('c')", "add('c')"],
    "the same for a session class": ["add('a')", "add('c')", "add('c')"],
    "commit is not the last thing done": ["add('a')", "add('c')", "add('c')"],
    "a handler that swallows stays around": ["add('a')", "add('c')", "add('c')"],
    "an anonymous session takes the name that the file uses": ["anonymous()", "named()"],
    "an instance that escapes": ["find(1).name", "find(7)"],
    "an instance that escapes behind a commit": ["make('c').name"],
    "a row that is merged": ["keep(Item(name='c')).name"],
    "a handler that tells and raises": ["add('c')", "add('c')"],
    "instances that are stored": ["collect([])"],
    "columns that are stored": ["collect(FOUND)", "FOUND"],
    "the caller's own instance": ["store(Item(name='d'))", "store(Item(name='a'))"],
    "arms and branches that only closed": ["look(1)", "look(2)", "ask(1)", "ask(2)", "ask(3)"],
    "a wrapper that is closed": ["count(True)", "count(False)"],
}


def seen(path: Path, folder: Path, calls: list[str]) -> tuple[list[Any], int]:
    """What each call gave or raised, and how many sessions were left open."""
    folder.mkdir()
    with running(Fixture(path, path.stem, path.parent), folder) as (module, oracle):
        oracle.setup(module.engine, module.Base.metadata, module.Item(name="a"), module.Item(name="b"))
        vars(module)["FOUND"] = []
        results: list[Any] = []
        unclosed = 0
        for call in calls:
            seen = oracle.observe(partial(eval, call, vars(module)))
            results.append((repr(seen.result), type(seen.error).__name__))
            unclosed += seen.unclosed + seen.held
        rows = oracle.rows("items")
        return [*results, rows], unclosed


@pytest.mark.parametrize("case", CASES)
def test_means_the_same_and_leaves_nothing_open(case: str, tmp_path: Path) -> None:
    body = CASES[case][1]
    before = tmp_path / "before.py"
    before.write_text(HEAD + textwrap.dedent(body).lstrip("\n"), "utf-8")
    repaired(tmp_path, body)
    results, _ = seen(before, tmp_path / "one", CALLS[case])
    cured, unclosed = seen(tmp_path / "shop.py", tmp_path / "two", CALLS[case])
    assert cured == results
    assert unclosed == 0
