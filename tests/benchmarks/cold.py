"""What a cold run costs next to flake8: processor time and peak memory of whole processes.

``python -m tests.benchmarks.cold PATH [--runs N]`` runs both on the same tree in turns and prints a row for the README's table.
flake8 is run as installed, but without this project's plugin.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

SQLA_LINT = (sys.executable, "-m", "sqla_lint", "--isolated", "--no-cache", "--quiet", "--exit-zero")
# Only what is not found is not run: flake8 would run a plugin whose codes are not selected.
WITHOUT_PLUGIN = """
import importlib.metadata, sys
found = importlib.metadata.distributions
importlib.metadata.distributions = lambda **context: (d for d in found(**context) if d.name != "sqla-session-lint")
from flake8.main.cli import main
sys.exit(main(sys.argv[1:]))
"""
FLAKE8 = (sys.executable, "-c", WITHOUT_PLUGIN, "--isolated", "--exit-zero")


class Cost(NamedTuple):
    """Seconds of processor time of a process and its children, and the most memory (bytes) that one of them took."""

    seconds: float
    memory: int


def measure(program: Sequence[str]) -> Cost:
    """Run *program* to its end, its output thrown away.

    Raises:
        CalledProcessError: it did not end with 0.
    """
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, program)
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


def lines_of(tree: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in tree.rglob("*.py"))


def row(name: str, lines: int, ours: Sequence[Cost], theirs: Sequence[Cost]) -> str:
    """One row of the table: medians, and the median of the ratios of the runs that followed each other."""
    ratio = median(our.seconds / their.seconds for our, their in zip(ours, theirs, strict=True))
    memory = max(cost.memory for cost in ours) / 2**20
    seconds = median(cost.seconds for cost in ours), median(cost.seconds for cost in theirs)
    return f"| {name} | {lines:,} | {seconds[0]:.1f} s | {seconds[1]:.1f} s | {ratio:.2f} | {memory:.0f} MB |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--name")
    given = parser.parse_args(arguments)
    ours: list[Cost] = []
    theirs: list[Cost] = []
    for _ in range(given.runs):
        ours.append(measure([*SQLA_LINT, str(given.path)]))
        theirs.append(measure([*FLAKE8, str(given.path)]))
    sys.stdout.write(row(given.name or given.path.name, lines_of(given.path), ours, theirs) + "\n")


if __name__ == "__main__":
    main()
