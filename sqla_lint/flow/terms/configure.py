"""How sessions are configured: what ``sessionmaker(...)``,
a session class or Flask-SQLAlchemy says about expiry and autoflush.
"""

from __future__ import annotations

from sqla_lint import sqlalchemy_api as api
from sqla_lint.flow.terms.basis import Value
from sqla_lint.flow.terms.session_values import Connection, Engine, Session, Settings
from sqla_lint.flow.terms.values import ClassValue, Literal, Mapping, Outside
from sqla_lint.index.module import Class

# The key under which ``**options`` stand among the keyword arguments of a call.
SPREAD = "**"
_ASYNC = frozenset({"async-session-class", "async-sessionmaker", "async-scoped-session"})


def of_class(meaning: str) -> Settings:
    """The settings that a session class or factory has before its arguments are read."""
    return Settings(is_async=meaning in _ASYNC)


def overridden(settings: Settings, kwargs: dict[str, Value]) -> Settings:
    """*settings* with what the keyword arguments of a call say; a value that is no literal is not known, and ``**``
    may say anything.
    """
    if SPREAD in kwargs:
        settings = vague(settings)
    if "expire_on_commit" in kwargs:
        settings = settings._replace(expire_on_commit=_flag(kwargs["expire_on_commit"]))
    if "autoflush" in kwargs:
        settings = settings._replace(autoflush=_flag(kwargs["autoflush"]))
    if _flag(kwargs.get("autocommit")) is True:
        settings = settings._replace(autocommit=True)
    if _flag(kwargs.get("close_resets_only")) is False:
        settings = settings._replace(flavour="final")
    if _is_async_class(kwargs.get("class_")):
        settings = settings._replace(is_async=True)
    if isinstance(made := kwargs.get("class_"), ClassValue):
        settings = settings._replace(commits=commits_at_exit(made.cls))
    return settings


def commits_at_exit(cls: Class) -> bool:
    """Whether a subclass of ``Session`` commits where its ``with`` ends, unlike ``Session`` itself."""
    exits = (cls.methods.get(name) for name in ("__exit__", "__aexit__"))
    return any(method is not None and "commit" in method.words for method in exits)


def vague(settings: Settings) -> Settings:
    """*settings* after something that may have set any of them."""
    return settings._replace(expire_on_commit=None, autoflush=None)


def of_factory(meaning: str, kwargs: dict[str, Value]) -> Settings:
    """The settings of the sessions that ``sessionmaker(...)`` makes."""
    return overridden(of_class(meaning), kwargs)


def bound(settings: Settings, args: list[Value], kwargs: dict[str, Value]) -> Settings:
    """*settings* of a session made with *args*: one bound to a connection leaves that with whoever opened it."""
    bind = args[0] if args else kwargs.get("bind")
    is_connection = isinstance(bind, Connection) or isinstance(bind, Session) and bind.settings.flavour == "connection"
    if isinstance(bind, Engine) and bind.autocommit:
        return settings._replace(autocommit=True)
    is_alembic = isinstance(bind, Outside) and bind.called and bind.name.endswith(("op.get_bind", "context.get_bind"))
    return settings._replace(flavour="bound") if is_connection or is_alembic else settings


def of_flask(kwargs: dict[str, Value]) -> Settings:
    """The settings of Flask-SQLAlchemy's ``db.session``: ``session_options`` may change them in ways not read here."""
    options = kwargs.get("session_options", kwargs.get(SPREAD))
    expire: bool | None = True if options is None else None
    if isinstance(options, Mapping):
        expire = None
    return Settings(expire_on_commit=expire, autoflush=True if options is None else None, flavour="flask")


def _flag(value: Value | None) -> bool | None:
    return bool(value.value) if isinstance(value, Literal) else None


def _is_async_class(value: Value | None) -> bool:
    if isinstance(value, Outside):
        return api.meaning(value.name) == "async-session-class"
    return isinstance(value, ClassValue) and "Async" in value.cls.name
