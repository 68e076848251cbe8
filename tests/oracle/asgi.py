"""One request to an ASGI application without a server or a client library."""

from __future__ import annotations

import asyncio
import json
from typing import Any


def get(app: Any, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    """Send one request to *app* and give its status and its decoded JSON (the text where it is none).

    Args:
        app: an ASGI application, such as FastAPI's.
        path: the path, with a query string behind ``?`` where there is one.
        method: the HTTP method.
        body: sent as JSON.
    """
    return asyncio.run(_request(app, path, method, b"" if body is None else json.dumps(body).encode()))


async def _request(app: Any, path: str, method: str, body: bytes) -> tuple[int, Any]:
    name, _, query = path.partition("?")
    sent: list[dict[str, Any]] = []
    asked: list[bool] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": name, "raw_path": name.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"test"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1), "server": ("test", 80),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        if asked:  # a streamed response asks whether the client is gone: it never is
            await asyncio.Event().wait()
        asked.append(True)
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    text = b"".join(message.get("body", b"") for message in sent).decode()
    status = next(message["status"] for message in sent if message["type"] == "http.response.start")
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text
