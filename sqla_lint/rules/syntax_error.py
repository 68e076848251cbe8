"""A file that cannot be read or parsed is reported, and the rest of the run goes on.

What it does
    Names the place and the reason where a file is not Python: a syntax error, bytes that its encoding does not allow,
    an encoding that does not exist, a NUL byte, a named pipe. Where the syntax is newer than the interpreter that runs
    the linter, the message names the interpreter's version and the one that is needed.

Why it is bad
    A file that silently drops out of a check looks like a file without findings.

Configuration
    This rule does not depend on ``select``; ``ignore = ["SES000"]`` turns it off.
"""

from __future__ import annotations

CODE = "SES000"
NAME = "syntax-error"
SEVERITY = "error"
