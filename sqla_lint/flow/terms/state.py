"""What is known at one point of a function, on one way to it: frozen states, and the cursor that makes the next one."""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.graph import RAISE_EXIT, Node
from sqla_lint.index.module import Class
from sqla_lint.lower.nodes import Pos

# (the query's position or the parameter's name, the relationship path, the loop that read it; None where it was set or
# refreshed)
Loaded = tuple[Pos | str, tuple[str, ...], tuple[int, int] | None]

# (class, the position of the query that gave its rows, and which these are: the query's ``own``, ``all`` of the class,
# ``loaded`` with them, or ``one`` alone)
Held = tuple[Class, Pos | None, str]

# An instance by where it came from: (file, position of the query or of the call that built it, relationship path).
InstanceId = tuple[str, Pos, tuple[str, ...]]

OPEN, CLOSED, GONE = "open", "closed", "gone"


class Failure(NamedTuple):
    """A failed statement or flush that nobody has rolled back: *handler* is the handler that swallowed the error, once
    one has.

    *leaving* while that handler is left by an exception: then somebody further out learns of it; *handed* if it
    raised that itself. *tried* is the ``try`` (or ``with suppress``) of the handler, *after_writes* whether
    something had been written before it; *followed* the first write that was noted after it. *poisons* if it was a
    flush or commit: after these SQLAlchemy itself refuses; after a statement it is the database's transaction that
    is aborted.
    """

    pos: Pos
    poisons: bool
    handler: Pos | None = None
    tried: Pos | None = None
    followed: Pos | None = None
    after_writes: bool = False
    leaving: bool = False
    handed: bool = False

    @property
    def is_swallowed(self) -> bool:
        """Whether a handler has it and goes on."""
        return self.handler is not None and not self.leaving


class SessionState(NamedTuple):
    """What one session is, on one way.

    *status* is open, closed or gone (another owner has it now). *used* once a statement ran; *active* while its
    transaction holds a connection. *failure* is an error not yet rolled back. *closed_at* is the call that closed it,
    *reopened_at* the first statement after that. *wrote* is the first write of its transaction, *tried_after*
    are each ``try`` that began after it; *block* is the ``with ...begin()`` block around. *ended* names what
    was done since entry; *waited* is the first slow call of the transaction. *changed* is the first change of an
    instance of it since its transaction began; *silent* while autoflush is off; *reset* once ``expire_on_commit`` was
    set on it.
    """

    status: str = OPEN
    used: bool = False
    active: bool = False
    failure: Failure | None = None
    closed_at: Pos | None = None
    in_finally: bool = False
    wrote: Pos | None = None
    tried_after: frozenset[Pos] = frozenset()
    reopened_at: Pos | None = None
    block: Pos | None = None
    ended: frozenset[str] = frozenset()
    waited: Pos | None = None
    changed: Pos | None = None
    silent: bool = False
    reset: bool = False


class InstanceState(NamedTuple):
    """What one instance is, on one way.

    *sid* is the session it is in. *stored* if the database has it (else it is new, or only added). *expired* is what
    emptied its attributes: they are loaded again when one is read; *committed* the commit that did so if the session,
    which is the caller's, expires on commit. *spared* if a commit does not expire it (deleted, or
    expunged). *keyless* while the flush that makes its primary key has not come. *shared* once other code had it: what
    that loaded, added or set is not known. *holds* are instances that come into a session with it. *touched* are the
    attributes of one built here that were given or read before it was *saved* (None where these are not known): the
    others are not loaded then.
    """

    sid: Sid | None = None
    stored: bool = False
    expired: Pos | None = None
    spared: bool = False
    keyless: bool = False
    shared: bool = False
    committed: Pos | None = None
    holds: frozenset[InstanceId] = frozenset()
    touched: frozenset[str] | None = None
    saved: bool = False


class Raised(NamedTuple):
    """An exception under way: *label* is ``database``, ``other``, ``base`` or ``thrown``; *type* its class where a
    ``raise`` names it.

    *missed* are the classes of handlers that did not catch it: no later handler of these does. *handler* is the one
    that has it now; *left* are those that it left: what they had caught goes with it.
    """

    label: str
    type: object = None
    missed: frozenset[str] = frozenset()
    handler: Pos | None = None
    left: frozenset[Pos] = frozenset()


class State:
    """One way's knowledge at one point.

    Never changed once made; equal states are the same way as far as anyone can tell.
    """

    __slots__ = ("caught", "env", "exc", "held", "instances", "loaded", "result", "sessions", "tests", "_hash", "_key")

    def __init__(
        self,
        env: dict[str, Value],
        sessions: dict[Sid, SessionState],
        exc: Raised | None = None,
        caught: tuple[Raised, ...] = (),
        result: Value | None = None,
        loaded: frozenset[Loaded] = frozenset(),
        held: frozenset[Held] = frozenset(),
        tests: frozenset[tuple[object, bool]] = frozenset(),
        instances: frozenset[tuple[InstanceId, InstanceState]] = frozenset(),
    ) -> None:
        self.env = env
        self.sessions = sessions
        self.exc = exc
        self.caught = caught
        self.result = result
        self.loaded = loaded
        self.held = held
        self.tests = tests
        self.instances = instances
        self._key: tuple[object, ...] | None = None
        self._hash: int | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """All that tells two states apart; made when it is first asked for, since many states are never compared."""
        if self._key is None:
            self._key = (
                frozenset(self.env.items()),
                frozenset(self.sessions.items()),
                self.exc,
                self.caught,
                self.result,
                self.loaded,
                self.held,
                self.tests,
                self.instances,
            )
        return self._key

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.key)
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or isinstance(other, State) and hash(self) == hash(other) and self.key == other.key


class Cursor:
    """A state being moved on through one node; :meth:`state` freezes it again."""

    __slots__ = (
        "caught",
        "dead",
        "env",
        "exc",
        "held",
        "instances",
        "loaded",
        "node",
        "raised",
        "result",
        "sessions",
        "tests",
        "_last",
        "_leaves",
    )

    def __init__(self, state: State, node: Node | None) -> None:
        self.env = dict(state.env)
        self.sessions = dict(state.sessions)
        self.exc = state.exc
        self.caught = state.caught
        self.result = state.result
        self.loaded = state.loaded
        self.held = state.held
        self.tests = state.tests
        self.instances = dict(state.instances)
        self.node = node
        self.raised: list[tuple[State, Pos]] = []
        self.dead = False
        self._last: object = None
        self._leaves = node is not None and node.exc == RAISE_EXIT

    def state(self) -> State:
        return State(
            self.env,
            self.sessions,
            self.exc,
            self.caught,
            self.result,
            self.loaded,
            self.held,
            self.tests,
            frozenset(self.instances.items()),
        )

    def _outside(self) -> dict[str, Value]:
        """What matters of the variables once an exception leaves the function."""
        return {key: value for key, value in self.env.items() if key[0] == "%"}

    def raises(self, raised: Raised, pos: Pos) -> None:
        """Note that an exception may leave from here, with everything as it is now."""
        key = (raised, tuple(self.sessions.items()))
        if key == self._last:
            return
        self._last = key
        self.raised.append(
            (
                State(
                    self._outside() if self._leaves else dict(self.env),
                    dict(self.sessions),
                    raised,
                    self.caught,
                    self.result,
                    self.loaded,
                    self.held,
                    self.tests,
                    frozenset(self.instances.items()),
                ),
                pos,
            )
        )
