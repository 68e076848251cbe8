"""What is concluded from code that cannot be seen into.

The linter never runs or imports the code it reads. Where it cannot know, it stays silent: one false alarm costs more
trust than one missed alarm. This is the whole policy.

A call of something outside the project, or of a value that is not known
    may raise anything but a database error; may keep, close, commit or roll back what it is handed. A session handed to
    it is no longer this function's to close. Functions of Python itself that only look (``len``, ``print``,
    ``isinstance``, logging) do none of it.

    A transaction on a session that was handed to it may have ended; so may one that a helper ends on some ways only.

A method of something unknown that is called ``submit``, ``create_task``, ``run_in_executor``, ...
    hands over what it is given to run beside the function, if that can be called or awaited; one that is called
    ``map`` or ``start`` does not.

A method that a class calls on itself, and that neither it nor its bases have
    is the one that the nearest classes of the project made with it agree on; of a class with bases outside the project
    nothing is known.

``x.remove()`` without arguments, on a value that is not known
    may remove any registry. ``x.flush()``, ``x.commit()`` and ``x.rollback()`` may be of any session that was not made
    here.

A method of a session that is handed on (``stack.callback(session.rollback)``, ``retry(session.commit)``)
    may be called: the rollback cleans up, the commit may have committed.

A session that an object keeps, and one that an object kept by it keeps
    may be one: what ends the transaction of one ends that of the other, as far as anybody can tell.

An instance that was set beside another by a relationship
    may be in that one's session. Any flush but that of another session made here may have made its key.

A call of a function of the project
    does what its body does. A cycle of calls is solved to a fixpoint; one that does not settle is given up, and
    ``--verbose`` says so.

A function whose text mentions neither sessions, queries nor relationships
    does nothing to them, unless it is handed a session: then it is looked into.

``*args``, ``**kwargs``, ``getattr`` with a name that is not a literal, a dictionary of factories
    give a value that is not known; nothing is concluded from it. A literal ``getattr(x, "name")`` and
    ``attrgetter("a.b")`` read what they name, as does ``getattr`` in a loop over names that are written down.

A ``__getattr__`` that only returns ``getattr(other, name)``
    gives what *other* has; one that returns anything else gives a value that is not known.

A parameter without an annotation
    is a session where the function, its file or a caller proves it: calls on it that only a SQLAlchemy session has, a
    mapped class or a
    ``select`` handed to it, a session handed in. Its name proves nothing.

``x.query(Owner)`` and ``x.execute(select(Owner))`` (``scalars``, ...) on a value that is not known
    ask a session: the mapped class shows it, for ``query`` with what its result is asked next. Nothing is concluded of
    that session but what its rows have loaded, and, where the call is awaited, that it is asynchronous.

A parameter that holds rows
    has loaded what the project's callers loaded: if all of them hand over rows without the load, the read is reported;
    if some do, their calls are; if no caller is known, nothing is.

A schema that rows are handed to
    reads what its fields name, if it is a class of the project that extends Pydantic's, SQLModel's, marshmallow's or
    Flask-Marshmallow's. Of a union of schemas, of fields or names that are not written down literally, of an
    ``__init__`` that picks the fields, of a hook that makes something else of a row, and of a validator that fills a
    field itself (``wrap``, ``plain``), nothing is known; one that is called before is read.

A template that a view renders
    is followed where its name is a literal, one file alone has it, and Jinja can read it; what a function of the
    project hands on to it is what its callers hand in. In it, a filter, test or global that is not Jinja's own gives a
    value that is not known, as does ``loop``.

An option in ``.options(...)`` that cannot be read
    may load anything: nothing is said of the rows of that query.

Rows that come from one of several queries, or along one of several relationships
    have loaded what any of these has: a read is reported where none has it.

A loop that a ``break`` may leave
    has not read what it reads of the rows that are left: another loop over all of them loads it for these.

A name that the project defines in several ways
    is what all definitions agree on, else not known. ``None`` beside a value is the value.

A function that gives a list, a tuple or a dict
    has given what its result is used as: rows by ``for``, a tuple that is unpacked, a dict that is asked for a key.

A context manager of the project that yields what is not known, but is annotated to yield a session
    yields one of its own: it closes it, and may commit.

A decorator that is not known
    may hand the function its session: a session parameter with ``None`` as its default is then taken to be given.
    It may do anything with the instances that the function returns.
    One of the project that rolls back or closes, or one that is named for it (``transactional``, ``atomic``), has
    cleaned up when an error leaves the function.

A class with bases outside the project
    may do anything in the methods that the project does not define.

What may raise
    calls, awaits (also ``CancelledError``, past ``except Exception``), ``yield``, ``raise``, ``assert``, entering and
    leaving ``with``. Names, arithmetic, subscripts and plain attributes do not. Rolling back and closing are taken to
    succeed.

Bounds
    A function that nests deeper than 180 levels, has more than 6,000 steps in its control flow, or more than 12,000
    ways through it is not analysed; ``--verbose`` names it.
"""
