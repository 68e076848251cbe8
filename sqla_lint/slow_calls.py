"""What waits for something other than the database: HTTP, sleep, other processes, models, clouds, mail.

The list is data; the configuration's ``slow-calls`` extends it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple


class Package(NamedTuple):
    """A library that waits.

    *waits* are the functions and methods that do; None for all but *builds*, the functions that only make something.
    *connects* are classes whose construction connects; of these, *hosted* do only where they are given a host.
    *apart* are the submodules that have nothing to do with it.
    """

    waits: frozenset[str] | None = None
    builds: frozenset[str] = frozenset()
    connects: frozenset[str] = frozenset()
    hosted: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()


_VERBS: Final = frozenset(
    {"get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream", "urlopen", "ws_connect"}
)
_HTTP: Final = Package(_VERBS, builds=frozenset({"session"}), apart=frozenset({"web", "test_utils", "pytest_plugin"}))
_MAIL: Final = Package(
    frozenset({"send", "send_message", "sendmail", "send_async", "connect", "login", "starttls", "ehlo", "helo"}),
    connects=frozenset({"SMTP", "SMTP_SSL", "LMTP"}),
    hosted=frozenset({"SMTP", "SMTP_SSL", "LMTP"}),
)
_MODEL: Final = Package(
    builds=frozenset({"close", "aclose", "copy", "with_options", "configure", "from_env", "encoding_for_model"}),
    apart=frozenset({"types", "_exceptions", "exceptions", "errors"}),
)
_CLOUD: Final = Package(
    builds=frozenset(
        {
            "client", "resource", "session", "setup_default_session", "get_session", "get_paginator", "get_waiter",
            "can_paginate", "close", "generate_presigned_url", "generate_presigned_post", "set_stream_logger",
            "from_service_account_json", "from_service_account_info", "from_connection_string", "bucket", "blob",
            "get_available_services", "get_available_regions", "get_credentials",
        }
    ),
    apart=frozenset({"types", "config", "exceptions", "conditions", "credentials"}),
)  # fmt: skip
_PROCESS: Final = Package(
    frozenset({"run", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "wait", "communicate"}),
    connects=frozenset({"Popen"}),
)

# By the name of the package; a longer name wins.
PACKAGES: Final[dict[str, Package]] = {
    "requests": _HTTP,
    "httpx": _HTTP,
    "aiohttp": _HTTP,
    "urllib3": _HTTP,
    "niquests": _HTTP,
    "requests_async": _HTTP,
    "urllib.request": Package(frozenset({"urlopen", "urlretrieve", "open"}), builds=frozenset({"build_opener"})),
    "http.client": Package(frozenset({"request", "getresponse", "connect"})),
    "subprocess": _PROCESS,
    "smtplib": _MAIL,
    "aiosmtplib": _MAIL._replace(connects=frozenset()),
    "yagmail": _MAIL._replace(connects=frozenset()),
    "flask_mail": _MAIL._replace(connects=frozenset()),
    "fastapi_mail": _MAIL._replace(connects=frozenset()),
    "sendgrid": _MAIL._replace(connects=frozenset()),
    "imaplib": Package(connects=frozenset({"IMAP4", "IMAP4_SSL"})),
    "poplib": Package(connects=frozenset({"POP3", "POP3_SSL"})),
    "ftplib": Package(connects=frozenset({"FTP", "FTP_TLS"}), hosted=frozenset({"FTP", "FTP_TLS"})),
    "openai": _MODEL,
    "anthropic": _MODEL,
    "cohere": _MODEL,
    "mistralai": _MODEL,
    "groq": _MODEL,
    "ollama": _MODEL,
    "litellm": Package(frozenset({"completion", "acompletion", "embedding", "aembedding", "text_completion"})),
    "boto3": _CLOUD,
    "aioboto3": _CLOUD,
    "botocore": _CLOUD,
    "google.cloud": _CLOUD,
    "stripe": Package(frozenset({"create", "retrieve", "modify", "list", "delete", "confirm", "capture", "search"})),
    "twilio.rest": Package(frozenset({"create", "fetch", "list", "update", "delete", "stream"})),
}
CALLABLES: Final = frozenset(
    {
        "time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep", "gevent.sleep", "eventlet.sleep", "curio.sleep",
        "os.system", "os.popen", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell",
        "asyncio.open_connection",
    }
)  # fmt: skip
# Of what else may take its time, whoever moves code about should keep clear of.
UNHURRIED: Final = frozenset(
    {"socket", "ssl", "select", "paramiko", "redis", "kafka", "pika", "builtins.input", "urllib", "http"}
)
# Words by which a function's text shows that it may make one of these calls.
WORDS: Final = frozenset(
    {part for name in PACKAGES for part in name.split(".") if part not in ("http", "google", "request", "client")}
    | {"sleep", "system", "popen", "urlopen", "urlretrieve", "create_subprocess_exec", "create_subprocess_shell"}
    | {"open_connection", "HTTPConnection", "HTTPSConnection"}
)


def is_configured(name: str, configured: Collection[str]) -> bool:
    """Whether the configuration names a callable, its class or its module."""
    return any(name == slow or name.startswith(slow + ".") for slow in configured)


def is_slow(name: str, called: bool, has_arguments: bool, configured: Collection[str] = ()) -> bool:
    """Whether a call of something outside the project waits.

    Args:
        name: its dotted name; for a method, that of the call that made the object, then the method.
        called: whether it is a method of what calling a name gave.
        has_arguments: whether the call has any.
        configured: further callables and modules.
    """
    if name in CALLABLES or name in configured:
        return True
    if is_configured(name, configured):
        # Of a whole module, what is in upper case is taken to build something.
        return not (name.rpartition(".")[2].startswith("__") or name.rpartition(".")[2][:1].isupper())
    package, path = _package(name)
    if package is None or not path or (path[0] in package.apart and not called):
        return False
    last = path[-1]
    if last[:1].isupper():
        return last in package.connects and (has_arguments or last not in package.hosted) and len(path) < 3
    if last in package.builds or last.startswith("_"):
        return False
    if package.waits is None:
        return len(path) > 1 or not called
    if last not in package.waits:
        return False
    return _is_made(path[-2], package) if called and len(path) > 1 else not called


def is_client(name: str, configured: Collection[str] = ()) -> bool:
    """Whether what calling *name* gives may be asked to wait: it is worth remembering."""
    return _package(name)[0] is not None or is_configured(name, configured)


def _is_made(part: str, package: Package) -> bool:
    """Whether a part of a path names a class or a function that makes a client."""
    return part[:1].isupper() or part in package.builds or part.endswith("_client")


def _package(name: str) -> tuple[Package | None, list[str]]:
    """The package that a dotted name belongs to, and the rest of the name."""
    parts = name.split(".")
    for length in (2, 1):
        found = PACKAGES.get(".".join(parts[:length]))
        if found is not None and len(parts) > length:
            return found, parts[length:]
    return None, []
