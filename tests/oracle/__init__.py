"""The runtime oracle: runs code on SQLite and sees whether SQLAlchemy itself agrees that it is misuse."""

from __future__ import annotations

from oracle.asgi import get
from oracle.expectations import Expectations, expectations
from oracle.loading import Fixture, load, running
from oracle.verdicts import Oracle
from oracle.watch import Observed, Watch

__all__ = ["Expectations", "Fixture", "Observed", "Oracle", "Watch", "expectations", "get", "load", "running"]
