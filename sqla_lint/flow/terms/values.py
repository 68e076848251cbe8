"""What a value is: where it came from, as far as it is known.

All values are frozen and compare by content; the last field of each tells its kind apart from others of the same shape.
"""

from __future__ import annotations

from typing import NamedTuple

from sqla_lint.flow.terms.basis import LoopId, Sid, Value
from sqla_lint.flow.terms.graph import Guard
from sqla_lint.index.module import Class, Function
from sqla_lint.index.shapes import Shape
from sqla_lint.lower.nodes import Lambda, Pos


class Unknown(NamedTuple):
    """Nothing is known."""

    kind: str = "unknown"


UNKNOWN = Unknown()


class Literal(NamedTuple):
    """A constant: None, a bool, a string, an int."""

    value: object
    type: str
    kind: str = "literal"


NONE = Literal(None, "NoneType")
TRUE = Literal(True, "bool")
FALSE = Literal(False, "bool")


class Outside(NamedTuple):
    """Something from outside the project, by its dotted name; *called* if it is what calling that name gave."""

    name: str
    called: bool = False
    kind: str = "outside"


class JinjaTemplate(NamedTuple):
    """What an environment's ``get_template("rows.html")`` gives; *name* may be what the function was handed."""

    name: Value
    kind: str = "jinja-template"


class ModuleValue(NamedTuple):
    """A module or folder of the project."""

    definition: object
    kind: str = "module"


class FunctionValue(NamedTuple):
    """A function of the project, bound to *receiver* where it is a method of an instance."""

    function: Function
    receiver: Value | None = None
    kind: str = "function"


class Choice(NamedTuple):
    """One of several functions: a key that is not known says which."""

    functions: tuple[FunctionValue, ...]
    kind: str = "choice"


class LambdaValue(NamedTuple):
    """A lambda, and the file that it stands in."""

    node: Lambda
    path: str = ""
    kind: str = "lambda"


class ClassValue(NamedTuple):
    cls: Class
    kind: str = "class"


class Instance(NamedTuple):
    """An instance of a class of the project that is not mapped.

    *path* is how the function reaches it (``("self",)``, ``("self", "repo")``), empty for one it made; *held* are
    attributes whose value is known better than the class tells; *sid* is the session it opened for itself, if it is a
    wrapper that owns one.
    """

    cls: Class
    path: tuple[str, ...] = ()
    held: tuple[tuple[str, Value], ...] = ()
    sid: Sid | None = None
    kind: str = "instance"


class Method(NamedTuple):
    """A method of something that is not the project's: ``session.commit``, ``query.filter``, ``rows.append``."""

    receiver: Value
    name: str
    kind: str = "method"


# The step of a parameter to what it has under a key or at an index, whichever that is.
AT_ANY = "[*]"


class Parameter(NamedTuple):
    """What the caller handed in, or something reached from it: *steps* are attribute names and ``[]`` for an element.

    *drawn* are the loops of this function that drew it; *cls* is its mapped class where an annotation says so. *under*
    are the conditions on parameters by which it was chosen: ``rows if rows is not None else owner.rows``.
    """

    name: str
    steps: tuple[str, ...] = ()
    drawn: tuple[LoopId, ...] = ()
    cls: Class | None = None
    under: tuple[Guard, ...] = ()
    kind: str = "parameter"


# --- sessions --------------------------------------------------------------------------------------------------------


class Suppress(NamedTuple):
    """``contextlib.suppress``: *types* are the names it was given; None where they are not known."""

    types: tuple[Value, ...]
    pos: Pos
    kind: str = "suppress"


class AppContext(NamedTuple):
    """Flask's ``app.app_context()``: when it ends, Flask-SQLAlchemy removes its session."""

    kind: str = "app-context"


class Stack(NamedTuple):
    """An ``ExitStack``: what enters it is closed with it."""

    kind: str = "stack"


class Either(NamedTuple):
    """``session or Session()``: what the caller handed in, or, where that is None, a session made here."""

    given: Value
    made: Value
    kind: str = "either"


class Serializer(NamedTuple):
    """What makes plain data of rows, as *shape* says: *how* is ``dump`` (a schema of marshmallow's, of *many* rows by
    itself), ``adapter`` (Pydantic's ``TypeAdapter``) or ``class`` (a generic model with its arguments).
    """

    shape: Shape
    how: str
    many: bool = False
    kind: str = "serializer"


class Partial(NamedTuple):
    """``partial(func, *args, **kwargs)``."""

    func: Value
    args: tuple[Value, ...]
    kwargs: tuple[tuple[str, Value], ...]
    kind: str = "partial"


class Getter(NamedTuple):
    """``operator.attrgetter("a.b")``: calling it reads the attributes one after the other."""

    paths: tuple[str, ...]
    kind: str = "getter"


class Caller(NamedTuple):
    """``operator.methodcaller("to_dict")``: calling it calls that method."""

    name: str
    args: tuple[Value, ...] = ()
    kwargs: tuple[tuple[str, Value], ...] = ()
    kind: str = "caller"


# --- rows ------------------------------------------------------------------------------------------------------------


class Mapping(NamedTuple):
    key: Value
    value: Value
    kind: str = "mapping"


class Awaitable(NamedTuple):
    """A coroutine that was called and not awaited: awaiting gives *value*."""

    value: Value
    kind: str = "awaitable"
