"""Of the paths that are to be loaded, those remain that no other goes on from."""

from __future__ import annotations

import itertools
import random

import pytest

from sqla_lint.codemods.loader_paths import Path, longest

PATHS: list[Path] = [path for size in (1, 2, 3) for path in itertools.product("abc", repeat=size)]


def begins(path: Path, other: Path) -> bool:
    return path != other and other[: len(path)] == path


@pytest.mark.parametrize("seed", range(50))
def test_longest(seed: int) -> None:
    paths = random.Random(seed).choices(PATHS, k=12)
    expected = {path for path in paths if not any(begins(path, other) for other in paths)}
    assert longest(paths) == sorted(expected)


def test_of_nothing_nothing_is_left() -> None:
    assert longest([]) == []
