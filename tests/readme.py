"""The parts of the README that are generated; ``python -m tests.readme --write`` brings them up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sqla_lint.rules import Rule, all_rules

ROOT: Final = Path(__file__).resolve().parent.parent
README: Final = ROOT / "README.md"
_PART: Final = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
_PATTERN: Final = re.compile(r"(?:^|[;.] )([a-z-]+):")


def example() -> str:
    """The bad example."""
    return fenced("python", (ROOT / "fixtures/readme/report.py").read_text("utf-8"))


def report() -> str:
    """What the command prints of it."""
    return fenced("text", "$ sqla-lint fixtures/readme\n" + printed("fixtures/readme"))


def difference() -> str:
    """What the command would change in it."""
    return fenced("diff", printed("--quiet", "--diff", "--unsafe-fixes", "fixtures/readme"))


def rules() -> str:
    """The table of rules, from their pages."""
    rows = ["| code | name | severity | default | reports | fix |", "| --- | --- | --- | --- | --- | --- |"]
    for rule in all_rules():
        title = rule.title.replace("``", "`")
        default = "on" if rule.default else "off"
        rows.append(f"| {rule.code} | {rule.name} | {rule.severity} | {default} | {title} | {fixes(rule)} |")
    return "\n".join(rows) + "\n"


def fixes(rule: Rule) -> str:
    """The patterns that the page's section on fixing begins its sentences with."""
    _, _, section = rule.page.partition("\nFix\n")
    section = " ".join(re.split(r"\n(?=\S)", section)[0].split())
    return ", ".join(dict.fromkeys(_PATTERN.findall(section))) or "-"


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "example": example,
    "report": report,
    "difference": difference,
    "rules": rules,
}


def fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def printed(*arguments: str) -> str:
    """Both streams of the command, as a terminal would show them."""
    program = [sys.executable, "-m", "sqla_lint", "--no-color", *arguments]
    ran = subprocess.run(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120)
    return ran.stdout.decode()


def current(text: str) -> str:
    """*text* with its generated parts as they should be now."""
    return _PART.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}{match[3]}", text)


def main(arguments: list[str]) -> int:
    """Check the README, or write it; 1 if it was not current."""
    before = README.read_text("utf-8")
    after = current(before)
    if "--write" in arguments:
        README.write_text(after, "utf-8")
    elif after != before:
        sys.stderr.write("README.md is not current: python -m tests.readme --write\n")
    return int(after != before and "--write" not in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
