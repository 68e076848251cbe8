"""The baseline: findings that are known and not reported, so that only what is new is.

A finding is known by its file (relative to the baseline's folder), its code, its function and the text of its line. It
has no line number, so that code may move. Where the same line stands in a function several times, what counts is how
often.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqla_lint import changes
from sqla_lint.config import ConfigError
from sqla_lint.finding import Finding
from sqla_lint.source import Source

_VERSION: Final = 1


class Known(NamedTuple):
    """What a finding is known by. *path* is relative to the baseline's folder; *text* has no indentation."""

    path: str
    code: str
    function: str | None
    text: str


class Baseline(NamedTuple):
    """How often each finding is known, and the folder that the paths are relative to."""

    folder: Path
    counts: Mapping[Known, int]


def load(file: Path) -> Baseline:
    """The baseline in *file*.

    Raises:
        ConfigError: there is none, it cannot be read, or it is not what :func:`write` writes.
    """
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: there is no such baseline; {_advice(file)} writes it") from error
    except OSError as error:
        raise ConfigError(f"{file}: the baseline cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise _corrupt(file, f"is not JSON ({error})") from error
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise _corrupt(file, f'does not say "version": {_VERSION}')
    entries = content.get("findings")
    if not isinstance(entries, list):
        raise _corrupt(file, 'has no list of "findings"')
    counts: Counter[Known] = Counter()
    for number, entry in enumerate(entries, 1):
        known, count = _read(file, number, entry)
        counts[known] += count
    return Baseline(_folder(file), counts)


def _read(file: Path, number: int, entry: Any) -> tuple[Known, int]:
    if isinstance(entry, dict):
        path, code, function, text = (entry.get(name) for name in Known._fields)
        count = entry.get("count", 1)
        whole = type(count) is int and count > 0
        if isinstance(path, str) and isinstance(code, str) and isinstance(text, str) and whole:
            if function is None or isinstance(function, str):
                return Known(path, code, function, text), count
    raise _corrupt(file, f'holds something else than a finding (number {number} of "findings")')


def _corrupt(file: Path, reason: str) -> ConfigError:
    return ConfigError(f"{file}: this is no baseline: it {reason}; {_advice(file)} writes a new one")


def _advice(file: Path) -> str:
    return f"`sqla-lint --write-baseline {file}`"


def write(file: Path, findings: Sequence[Finding], sources: Mapping[str, Source]) -> None:
    """Write *findings* as the baseline in *file*, in one step.

    Args:
        file: where to; replaced if there is one.
        findings: what is to be known from now on.
        sources: the files that they lie in, by path, as far as they could be read.

    Raises:
        OSError: the file cannot be written. It is then as it was.
    """
    folder = _folder(file)
    counts = Counter(_known(finding, sources, folder) for finding in findings)
    entries = [{**known._asdict(), "count": counts[known]} for known in sorted(counts, key=_order)]
    text = json.dumps({"version": _VERSION, "findings": entries}, indent=1) + "\n"
    changes.put_whole(os.path.realpath(file), text.encode("ascii"))


def _order(known: Known) -> tuple[str, str, str, str]:
    return known._replace(function=known.function or "")  # type: ignore[return-value]


def new(baseline: Baseline, findings: Sequence[Finding], sources: Mapping[str, Source]) -> tuple[Finding, ...]:
    """Those of *findings*, sorted, that *baseline* does not hold; of several alike, it holds the first.

    Args:
        baseline: what is known.
        findings: all findings in some files.
        sources: these files, by path, as far as they could be read.
    """
    left = Counter(baseline.counts)
    found: list[Finding] = []
    for finding in findings:
        known = _known(finding, sources, baseline.folder)
        if left[known] > 0:
            left[known] -= 1
        else:
            found.append(finding)
    return tuple(found)


def _known(finding: Finding, sources: Mapping[str, Source], folder: Path) -> Known:
    source = sources.get(finding.path)
    text = source.line(finding.span.line).strip() if source else ""
    return Known(_relative(finding.path, folder), finding.code, finding.function, text)


def _relative(path: str, folder: Path) -> str:
    real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    try:
        return os.path.relpath(real, folder).replace(os.sep, "/")
    except ValueError:  # another drive
        return real.replace(os.sep, "/")


def _folder(file: Path) -> Path:
    return Path(os.path.realpath(os.path.dirname(os.path.abspath(file))))
