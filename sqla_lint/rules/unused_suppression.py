"""A comment suppresses findings where there are none.

What it does
    Reports a ``# noqa: SES...`` code and a ``# sqla-lint: ignore[...]`` comment that suppressed nothing in this run. A
    ``# noqa`` without codes may be there for another linter, and so may codes of other linters: they are left alone,
    and so are codes of rules that this run did not ask for.

Why it is bad
    The comment outlives what it excused, and will hide the next finding on its line.

Fix
    Delete the comment, or the code from its list.

Configuration
    Off by default: turn it on with ``extend-select = ["SES001"]``.
"""

from __future__ import annotations

CODE = "SES001"
NAME = "unused-suppression"
SEVERITY = "warning"
DEFAULT = False
