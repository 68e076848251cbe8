"""What a function does to its caller: read off its solved states, used at every call of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqla_lint.flow.terms.basis import Sid, Value
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.flow.terms.state import InstanceId, InstanceState
from sqla_lint.flow.terms.values import UNKNOWN
from sqla_lint.index.module import Class, Function
from sqla_lint.lower.nodes import Pos

if TYPE_CHECKING:
    from sqla_lint.flow.terms.events import AsyncRead, LazyRead


class Effect(NamedTuple):
    """What a call does to one session: *must* on every way out that returns, *may* on some. *keeps* if it holds on to
    it.

    The words are ``statement``, ``commit``, ``rollback``, ``close``; *active* if a transaction may be open afterwards;
    *wrote* if it may have written.
    """

    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    keeps: bool = False
    active: bool = False
    wrote: bool = False


class Read(NamedTuple):
    """A read of what the caller handed in: parameter *name*, then *steps* (``[]`` draws an element), the last the
    attribute.

    *in_loop* if the read repeats within the function itself; *loop* tells which loop. *under* are the conditions on
    parameters that it stands under: a call whose arguments rule one out reads nothing.
    *root* are the steps of the read where it stands, once callers have passed it on.
    """

    name: str
    steps: tuple[str, ...]
    pos: Pos
    in_loop: bool
    loop: tuple[int, int] | None
    path: str
    qualname: str
    under: tuple[Guard, ...] = ()
    root: tuple[str, ...] = ()


class Applies(NamedTuple):
    """The function calls what it was handed as *name* with *args*; *in_loop* if it does for each of its rows."""

    name: str
    args: tuple[Value, ...]
    in_loop: bool


class Wait(NamedTuple):
    """A slow call that a function makes: *what* waits, at *pos* of *path*.

    *told* are the sessions that the caller is not to be told of: their transaction ended before, or was opened by the
    function itself. *under* are the conditions on parameters that it stands under, *seconds* the parameter that says
    for how long.
    """

    what: str
    pos: Pos
    path: str
    told: frozenset[Sid] = frozenset()
    under: tuple[Guard, ...] = ()
    seconds: str | None = None


class Taken(NamedTuple):
    """An argument of a call: its place (-1 for the object that a method is called on), its name and the parameter's
    kind (see :class:`sqla_lint.lower.nodes.Param`); *batch* if the query only asks for rows that are in it; *keys* if
    it is made of what a dictionary has under these alone.
    """

    place: int
    name: str
    batch: bool = False
    kind: str = "normal"
    keys: frozenset[str] | None = None


class Asks(NamedTuple):
    """The function runs a query that is made of what it is handed as *takes*, under the conditions *under* on its
    parameters; *pos*, *path* and *qualname* say which. *row* is the key of the one row that is asked for, a parameter
    or one of its attributes, with its class. *conditions* is how many it stands under on the way from there.
    """

    takes: tuple[Taken, ...]
    sid: Sid | None
    pos: Pos
    path: str
    qualname: str
    under: tuple[Guard, ...] = ()
    row: tuple[Value, Class] | None = None
    conditions: int = 0


class Renders(NamedTuple):
    """The function renders a template with what it is handed: *template* is its name, *names* are what it is given by
    name, *more* the ``**context`` besides, *injected* if context processors add to it. What callers decide is a
    parameter in these.
    """

    template: Value
    names: tuple[tuple[str, Value], ...]
    more: Value = UNKNOWN
    injected: bool = False


class Generator(NamedTuple):
    """A generator that is a context manager or a dependency: what it yields, and what it does to it afterwards.

    *others* are sessions that it does not yield (its parameters, a registry), each with what is done to it on exit and
    on error.
    """

    yields: Value = UNKNOWN
    on_exit: frozenset[str] = frozenset()
    on_error: frozenset[str] = frozenset()
    swallows: bool = False
    others: tuple[tuple[Sid, frozenset[str], frozenset[str]], ...] = ()


class Summary(NamedTuple):
    """*returns* is None where the function never returns normally.

    *raises* are the sessions that a database error may leave failed; *raises_clean* if one may come out with its
    session rolled back; *raises_other* whether anything else may be raised; *stores* are the attributes of ``self``
    that ``__init__`` sets, *writes* those that any method sets on every way out. *wants* are the parameters (and their
    attributes) that it would have to know to say what it returns, *lends* the functions that it hands them on to,
    *lazy* the reads of a variant that knows, in loops or where nothing awaits them; *renders* are the templates that it
    renders for its callers; *gives* is what is known of the instances in *returns*.
    """

    returns: Value | None = UNKNOWN
    effects: tuple[tuple[Sid, Effect], ...] = ()
    raises: frozenset[Sid] = frozenset()
    raises_clean: bool = False
    raises_other: bool = True
    reads: tuple[Read, ...] = ()
    asks: tuple[Asks, ...] = ()
    applies: tuple[Applies, ...] = ()
    stores: tuple[tuple[str, Value], ...] = ()
    writes: tuple[str, ...] = ()
    generator: Generator | None = None
    wants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    lends: frozenset[Function] = frozenset()
    lazy: tuple[LazyRead | AsyncRead, ...] = ()
    waits: tuple[Wait, ...] = ()
    renders: tuple[Renders, ...] = ()
    gives: tuple[tuple[InstanceId, InstanceState], ...] = ()
    bounded: bool = False


#: What is assumed of a function that is being analysed already (a cycle's first round) or was never seen.
NOTHING = Summary()
