"""What a fix over many functions would leave: nothing that was not reported before."""

from __future__ import annotations

import os.path
from collections import Counter
from collections.abc import Iterator, Sequence

from sqla_lint.codemods.site import Refused
from sqla_lint.flow.evaluation.world import World
from sqla_lint.flow.solver.summaries import Summaries
from sqla_lint.judge import judge_file

# File, function (or nothing), code.
Key = tuple[str, str, str]


def check_result(before: World, after: World, paths: Sequence[str], cured: Key) -> None:
    """Raise if a file would be reported for something that it was not reported for before, or still for *cured*.

    Args:
        before: the project.
        after: the project as it would be.
        paths: the files that change.
        cured: what the fix is for.

    Raises:
        Refused: with what would be reported.
    """
    judged = sorted({*paths, cured[0]})
    known = Counter(key for key, _ in _found(before, judged))
    now: Counter[Key] = Counter()
    for key, message in _found(after, judged):
        now[key] += 1
        if key == cured and now[key] >= known[key]:
            raise Refused(f"it would not cure this: {key[2]} would still be reported")
        if now[key] > known[key]:
            place = f"{key[1]}, {os.path.relpath(key[0], before.project.root)}" if key[1] else os.path.basename(key[0])
            raise Refused(f"there would be {key[2]} then: {message} ({place})")


def _found(world: World, paths: Sequence[str]) -> Iterator[tuple[Key, str]]:
    summaries = Summaries(world)
    for path in paths:
        for judged in judge_file(world.project.modules[path], summaries):
            if judged.rule.default:
                function = judged.function.qualname if judged.function is not None else ""
                yield (path, function, judged.rule.code), judged.verdict.message
