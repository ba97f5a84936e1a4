"""Who may speak to the studio: its own page, with the token, from this machine."""

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

MOST_BYTES = 256 * 2**10
"""Largest body of a request."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors {}"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""What every answer says: no code in the page itself, nothing from elsewhere, and who may put a frame around it."""

NOWHERE = "'none'"
"""No page may show the studio in a frame."""
NOTEBOOKS = "http://127.0.0.1:* http://localhost:*"
"""Pages of this machine may, as a notebook's cells are."""


class Guard:
    """An ASGI application behind Host, token, Origin and size.

    The token opens the page once and becomes a cookie, which scripts cannot read and other sites cannot send.
    """

    def __init__(self, app: Callable[..., Any], port: int, token: str, frames: str = NOWHERE):
        self._app, self._token = app, token
        self._headers = {name: value.format(frames) for name, value in HEADERS.items()}
        self._cookie_name, self._cookie = f"weakseg_{port}", secrets.token_urlsafe(24)
        # Another name that leads here is how a foreign page reads a local server (DNS rebinding).
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self._entered(scope, headers):
            cookie = f"{self._cookie_name}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"
            await _say(send, 303, "", {**self._headers, "location": "/", "set-cookie": cookie})
            return
        status, why = self._refusal(scope, headers)
        if status:
            await _say(send, status, why, self._headers)
            return
        await self._app(scope, _bounded(receive), _with_headers(send, self._headers))

    def _entered(self, scope: dict[str, Any], headers: dict[str, str]) -> bool:
        """Whether a request brings the token, which then is spent."""
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        right = bool(self._token) and secrets.compare_digest(given.encode(), self._token.encode())
        if right and scope["path"] == "/" and scope["method"] == "GET" and headers.get("host") in self._hosts:
            self._token = ""
            return True
        return False

    def _refusal(self, scope: dict[str, Any], headers: dict[str, str]) -> tuple[int, str]:
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return 403, "The request is for another host."
        if not secrets.compare_digest(self._cookie_of(headers).encode(), self._cookie.encode()):
            return 403, "Open the page by the address that the terminal shows; it works once. Start anew for another."
        writes = scope["method"] not in ("GET", "HEAD")
        if (writes or origin is not None) and origin != f"http://{host}":
            return 403, "The request comes from another page."
        if writes and headers.get("content-type", "").partition(";")[0] != "application/json":
            return 403, "Writing needs JSON."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 12 or int(length) > MOST_BYTES:
            return 413, f"The body has more than {MOST_BYTES:,} bytes."
        return 0, ""

    def _cookie_of(self, headers: dict[str, str]) -> str:
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        return next((value for name, _, value in pairs if name == self._cookie_name), "")


class TooLong(Exception):
    """A body grew beyond the bound while it was read."""


def _bounded(receive: Any) -> Any:
    """The messages of a body; a body without a stated length ends at the bound."""
    seen = 0

    async def bounded() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise TooLong
        return message

    return bounded


def _with_headers(send: Any, more: dict[str, str]) -> Any:
    async def sent(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_encoded(more)]
        await send(message)

    return sent


async def _say(send: Any, status: int, text: str, more: dict[str, str]) -> None:
    body = text.encode()
    said = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **more}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(said)})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
