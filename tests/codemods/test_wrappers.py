"""What holds a session and is closed at each exit: entered in a ``with``, its class taught to be where it must."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from codemods.fixing import HEAD, repaired
from codemods.test_context_manager_runs import seen

GATE = """
class Gate:
    def __init__(self):
        self._db = Factory()

    def count(self):
        return self._db.query(Item).count()

    def add(self, name):
        self._db.add(Item(name=name))
        self._db.commit()

    def finish(self):
        self._db.close()
"""
ENTERED = GATE.replace(
    """
    def count""",
    """
    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, traceback):
        self.finish()

    def count""",
)
HELD = """

class Desk:
    def __init__(self):
        self.gate = Gate()

    def known(self, name):
        if self.gate.count() > 1:
            self.gate.finish()  # enough
            return False
        self.gate.add(name)
        self.gate.finish()
        return True


DESK = Desk()
"""
HELD_AFTER = """

class Desk:
    def __init__(self):
        self.gate = Gate()

    def known(self, name):
        with self.gate:
            if self.gate.count() > 1:
                # enough
                return False
            self.gate.add(name)
        return True


DESK = Desk()
"""
# Before, after, the calls that are made one after the other.
CASES: dict[str, tuple[str, str, list[str]]] = {
    "its class learns to be entered": (
        GATE
        + """

def known(name):
    gate = Gate()
    if not name:
        gate.finish()
        return None
    found = gate.count()
    gate.finish()
    return found


def ask():
    gate = Gate()
    found = gate.count()
    return found
""",
        ENTERED
        + """

def known(name):
    with Gate() as gate:
        if not name:
            return None
        found = gate.count()
    return found


def ask():
    with Gate() as gate:
        found = gate.count()
    return found
""",
        ["known('')", "known('a')", "ask()"],
    ),
    "held by an object": (GATE + HELD, ENTERED + HELD_AFTER, ["DESK.known('c')", "DESK.known('a')"]),
    "what it is closed by is called close": (
        (GATE + HELD).replace("finish", "close"),
        (GATE + HELD_AFTER).replace("finish", "close").replace("with self.gate:", "with closing(self.gate):"),
        ["DESK.known('c')", "DESK.known('a')"],
    ),
    "a session held by an object": (
        """
class Desk:
    def __init__(self):
        self.db = Factory()

    def known(self, name):
        if self.db.query(Item).count() > 1:
            self.db.close()
            return False
        try:
            self.db.add(Item(name=name)); self.db.commit()
        except Exception:
            self.db.rollback()
            self.db.close()
            raise
        self.db.close()
        return True


DESK = Desk()
""",
        """
class Desk:
    def __init__(self):
        self.db = Factory()

    def known(self, name):
        with self.db:
            if self.db.query(Item).count() > 1:
                return False
            try:
                self.db.add(Item(name=name)); self.db.commit()
            except Exception:
                self.db.rollback()
                raise
        return True


DESK = Desk()
""",
        ["DESK.known('a')"],
    ),
    "typed, and without a constructor at the end of its file": (
        """
def known(name):
    gate = Gate()
    if not name:
        gate.finish()
        return None
    found = gate.count()
    gate.finish()
    return found


class Gate:
\t_db = None
\tdef count(self) -> int:
\t\treturn self._db.query(Item).count()

\tdef __init__(self) -> None:
\t\tself._db = Factory()
\tdef finish(self) -> None:
\t\tself._db.close()
""",
        """
def known(name):
    with Gate() as gate:
        if not name:
            return None
        found = gate.count()
    return found


class Gate:
\t_db = None
\tdef count(self) -> int:
\t\treturn self._db.query(Item).count()

\tdef __init__(self) -> None:
\t\tself._db = Factory()

\tdef __enter__(self) -> "Gate":
\t\treturn self

\tdef __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
\t\tself.finish()

\tdef finish(self) -> None:
\t\tself._db.close()
""",
        ["known('')", "known('a')"],
    ),
}

REFUSED: dict[str, tuple[str, str]] = {
    "closed on a condition": (
        "on a condition",
        GATE
        + HELD.replace(
            "self.gate.finish()\n        return True", "if name:\n            self.gate.finish()\n        return True"
        ),
    ),
    "handed on": (
        "handed on",
        GATE + HELD.replace("self.gate.add(name)", "print(self.gate)"),
    ),
    "used again behind the close": (
        "used again behind a close",
        GATE + HELD.replace("return False", "return self.gate.limit"),
    ),
    "it waits behind the close": (
        "waits",
        "\nimport time\n\n" + GATE + HELD.replace("return False", "return time.sleep(0.1)"),
    ),
    "a block of its own that does not close": (
        "of its own",
        GATE.replace(
            "    def count",
            """
    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._db.rollback()

    def count""",
        )
        + HELD,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_is_entered(case: str, tmp_path: Path) -> None:
    before, after, calls = CASES[case]
    (tmp_path / "before.py").write_text(HEAD + before.lstrip("\n"), "utf-8")
    outcome = repaired(tmp_path, before)
    head = HEAD
    if "closing(" in after:
        head = HEAD.replace("import logging\n", "import logging\nfrom contextlib import closing\n")
        assert outcome.text.startswith(head)
    assert outcome.text.removeprefix(head) == after.lstrip("\n")
    assert set(outcome.applicabilities) == {"safe"}
    assert outcome.after == ()
    again = repaired(tmp_path, outcome.text.removeprefix(head), head)
    assert again.text == outcome.text.removeprefix(head)
    results, _ = seen(tmp_path / "before.py", tmp_path / "one", calls)
    cured, unclosed = seen(tmp_path / "shop.py", tmp_path / "two", calls)
    assert cured == results
    assert unclosed == 0


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused(case: str, tmp_path: Path) -> None:
    reason, body = REFUSED[case]
    outcome = repaired(tmp_path, body)
    assert outcome.refusals, outcome.before
    assert all(reason in refusal for refusal in outcome.refusals), outcome.refusals
    assert outcome.text == textwrap.dedent(body).lstrip("\n")
