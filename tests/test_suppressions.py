from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from conftest import Run

from sqla_lint.finding import Finding, Span
from sqla_lint.selection import find_rule
from sqla_lint.source import Source, decode
from sqla_lint.suppressions import suppress

ENABLED = frozenset({"SES001", "SES201", "SES301", "SES401"})


def findings_in(source: Source) -> list[Finding]:
    """One finding at each ``bad_401`` and the like."""
    found = []
    for number, line in enumerate(source.lines, 1):
        for match in re.finditer(r"bad_(\d{3})", line):
            rule = find_rule(f"SES{match.group(1)}")
            span = Span(number, match.start() + 1, number, match.end() + 1)
            found.append(Finding(source.path, span, rule.code, rule.name, rule.severity, "bad"))
    return found


def outcome(text: str, noqa: bool = True) -> tuple[list[tuple[int, str]], list[tuple[int, int, str]]]:
    source = decode("/p/x.py", text.encode())
    assert isinstance(source, Source)
    kept, unused = suppress(source, findings_in(source), ENABLED, noqa=noqa)
    return (
        [(finding.span.line, finding.code) for finding in kept],
        [(finding.span.line, finding.span.column, finding.message) for finding in unused],
    )


@pytest.mark.parametrize(
    "text, kept",
    [
        ("bad_401()\n", [(1, "SES401")]),
        ("bad_401()  # noqa\n", []),
        ("bad_401()  # noqa: SES401\n", []),
        ("bad_401()  # NoQA:SES4\n", []),
        ("bad_401()  # noqa: S\n", []),
        ("bad_401()  # noqa: E501,SES401\n", []),
        ("bad_401()  # noqa: E501 SES401\n", []),
        ("bad_401()  # noqa: SES301\n", [(1, "SES401")]),
        ("bad_401()  # noqa: ses401\n", [(1, "SES401")]),
        ("bad_401()  # noqa SES301\n", []),
        ("bad_401()  # noqa : SES301\n", []),
        ("bad_401()  #noqa\n", [(1, "SES401")]),
        ("bad_401()  # why # noqa: SES4\n", []),
        ("x = '# noqa'; bad_401()\n", []),
        ("bad_401()  # noqa: E501  # noqa: SES401\n", [(1, "SES401")]),
        ("x = bad_401, '''\n'''  # noqa\n", []),
        ("x = bad_401, '''# noqa\n'''\n", []),
        ("x = bad_401 + \\\n    1  # noqa\n", []),
        ("x = (bad_401,\n  1)  # noqa\n", [(1, "SES401")]),
        ("x = (bad_401,  # noqa\n  1)\n", []),
        ("bad_401()\n# noqa\n", [(1, "SES401")]),
        ("bad_401()\n# flake8: noqa\n", []),
        ("bad_401()\n    # FLAKE8= noqa: SES301\n", []),
        ("bad_401()  # flake8: noqa\n", [(1, "SES401")]),
        ("bad_401()  # noqa", []),
        ("bad_401()  # noqa\r\nbad_401()\r\n", [(2, "SES401")]),
        ("bad_401()  # noqa\rbad_401()\r", [(2, "SES401")]),
        ("def f(:\n  bad_401()  # noqa\n  bad_401()\n", [(3, "SES401")]),
        ("bad_401()  # sqla-lint: ignore[SES401]\n", []),
        ("bad_401()  # sqla-lint: ignore[lazy-load-in-loop, SES201]\n", []),
        ("bad_401()  # sqla-lint: ignore[SES4]\n", []),
        ("bad_401()  #sqla-lint:ignore\n", []),
        ("bad_401()  # sqla-lint: ignore[]\n", [(1, "SES401")]),
        ("bad_401()  # sqla-lint: ignore[SES301, nonsense]\n", [(1, "SES401")]),
        ("bad_401(); bad_301()  # noqa: SES301  # sqla-lint: ignore[SES401]\n", []),
    ],
)
def test_what_is_kept(text: str, kept: list[tuple[int, str]]) -> None:
    assert outcome(text)[0] == kept


def test_noqa_can_be_left_to_flake8() -> None:
    text = "bad_401()  # noqa\nbad_401()  # sqla-lint: ignore\n# flake8: noqa\n"
    assert outcome(text, noqa=False) == ([(1, "SES401")], [])


@pytest.mark.parametrize(
    "text, unused",
    [
        ("x = 1  # noqa: SES401\n", [(1, 8, "SES401")]),
        ("bad_401()  # noqa: SES401,SES301,E501\n", [(1, 12, "SES301")]),
        ("x = 1  # noqa\n", []),
        ("x = 1  # noqa: E501, S101\n", []),
        ("x = 1  # noqa: SES101\n", []),
        ("x = 1  # noqa: SES999\n", [(1, 8, "SES999")]),
        ("x = 1  # sqla-lint: ignore[SES401]\n", [(1, 8, "SES401")]),
        ("x = 1  # sqla-lint: ignore\n", [(1, 8, "everything")]),
        ("x = 1  # sqla-lint: ignore[nonsense]\n", [(1, 8, "nonsense")]),
        ("bad_401()  # sqla-lint: ignore\n", []),
        ("x = '# noqa: SES401'\n", []),
        ("'''\n# noqa: SES401\n'''\n", []),
        ("x = '''\né'''; y = 1  # é # noqa: SES401\n", [(2, 18, "SES401")]),
        ("def f(:  # noqa: SES401\n", []),
    ],
)
def test_what_suppresses_nothing(text: str, unused: list[tuple[int, int, str]]) -> None:
    shortened = [(line, column, message.split(": ")[1].split(";")[0]) for line, column, message in outcome(text)[1]]
    assert shortened == unused


COMMENTS = [
    "", "# noqa", "# noqa:SES401", "# noqa: SES4", "# NOQA : SES3", "#noqa", "# noqa: ses401", "# noqa: E501, SES301",
    "# noqa:E1 SES401 why", "# noqa:  SES401", "# noqa:\tSES301", "# x # noqa:SES401 # noqa:SES301", "# noqa-ish", "# noqa:E501W291SES401",
    "# noqa: SES401,", "# noqa:,SES401", "# noqa: SES401 # flake8: noqa",
]  # fmt: skip
STATEMENTS = [
    "bad_401(){c}", "bad_301() + bad_401(){c}", "x = ({c}\n    bad_401(),{c}\n    bad_301(){c}\n){c}", "x = bad_401() + \\\n    bad_301(){c}",
    "x = '''{c}\n{c}\n''' + bad_401(){c}", "x = bad_401(), '''\n{c}\n'''{c}", "if x:{c}\n    bad_401(){c}\n\n{c}\n    bad_301(){c}",
    "x = [\n    '''{c}\n''', bad_401(),{c}\n    bad_301(),\n]{c}", "x = f'''{{bad_401()}}\n'''{c}", "\x0cbad_401(){c}", "x = '{c}'; bad_301()",
    "@bad_401(){c}\ndef f(a=bad_301(),{c}\n      b=1): {c}\n    pass", "{c}\nbad_401()\n{c}", "class A: bad_401(); bad_301(){c}",
    "x = '\u2028'; bad_401(){c}", "x = bad_401() if y else \\\n  '''\n  ''' \\\n  {c}",
]  # fmt: skip


def program(chance: random.Random) -> str:
    parts = [chance.choice(STATEMENTS) for _ in range(chance.randint(1, 6))]
    filled = [
        re.sub(r"\{c\}", lambda _: "  " + chance.choice(COMMENTS), part).replace("{{", "{").replace("}}", "}")
        for part in parts
    ]
    text = "\n".join(filled)
    if chance.random() < 0.05:
        text += "\n  # flake8: noqa" + chance.choice(["", ": SES401"])
    return text + chance.choice(["\n", ""])


def test_flake8_and_the_command_keep_the_same_findings(project: Path, process: Run) -> None:
    """Over programs made of all that flake8's line mapping distinguishes, at random but always the same."""
    chance = random.Random(4)
    written = 0
    for number in range(400):
        text = program(chance)
        try:
            compile(text, "x", "exec")
        except SyntaxError:
            continue
        written += 1
        data = text.replace("\n", chance.choice(["\n", "\n", "\r\n"])).encode()
        (project / f"f{number}.py").write_bytes(b"# sqlalchemy\n" + data)
    assert written > 200
    ours = process("sqla-lint", "--format", "concise", "--select", "SES3,SES4").stdout.decode().splitlines()
    theirs = process("flake8", "--isolated", "-j1", "--select", "SES3,SES4").stdout.decode().splitlines()
    assert len(ours) > 200
    assert sorted(ours) == sorted(line.removeprefix("./") for line in theirs)
