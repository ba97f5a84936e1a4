"""The server of `weakseg serve --label-studio`: four routes of Label Studio's protocol.

It answers this machine alone unless another address is given, reads bodies of a bounded size, and opens no connection.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

from weakseg.errors import RecipeInvalid, WeaksegError
from weakseg.serve.backend import Backend

_LARGEST = 32 * 2**20
"""Most bytes of a request."""
_SECONDS = 30
"""Time that a request may take to arrive."""


def server_for(backend: Backend, host: str, port: int, said: Callable[[str], None]) -> ThreadingHTTPServer:
    """A server that is not running yet.

    Args:
        backend: what answers.
        host: the address to listen at.
        port: the port; 0 is any free one.
        said: called with a line for each prediction and each problem.

    Raises:
        RecipeInvalid: the address cannot be used.
    """

    # A class for each server, because the library makes its handlers itself and hands them no arguments.
    class Handler(_Handler):
        pass

    Handler.backend, Handler.said, Handler.local = backend, staticmethod(said), is_local(host)
    try:
        return ThreadingHTTPServer((host, port), Handler)
    except (OSError, OverflowError) as error:
        raise RecipeInvalid(f"{host}:{port} cannot be used: {error}", fix="choose another --port") from error


def is_local(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    backend: Backend
    said: Callable[[str], None]
    local: bool
    timeout = _SECONDS
    server_version, sys_version = "weakseg", ""
    # One at a time: several would only share the cores.
    turn = threading.Lock()

    def do_GET(self) -> None:
        if self.path.partition("?")[0] in ("/", "/health"):
            self._answer(200, {"status": "UP", "model_class": "weakseg", "model_version": self.backend.version})
        else:
            self._answer(404, {"error": f"{self.path[:100]} is not known; /health, /setup, /predict and /webhook are"})

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        route = self.path.partition("?")[0].rstrip("/")
        routes = {
            "/predict": self._predict,
            "/setup": self._set_up,
            "/webhook": self._train_nothing,
            "/train": self._train_nothing,
        }
        if route in routes:
            routes[route](body)
        else:
            self._answer(404, {"error": f"{route[:100]} is not known"})

    def _set_up(self, body: dict[str, Any]) -> None:
        self._answer(200, {"model_version": self.backend.version})

    def _train_nothing(self, body: dict[str, Any]) -> None:
        # Annotations are exported and trained on with weakseg train.
        self._answer(200, {"status": "ok", "detail": "nothing is trained here"})

    def _predict(self, body: dict[str, Any]) -> None:
        try:
            with self.turn:
                answer = self.backend.predict(body)
        except WeaksegError as error:
            self.said(str(error))
            self._answer(400, {"error": str(error)})
        except Exception as error:  # a bug must not end the server
            self.said(f"this is a bug in weakseg, please report it ({type(error).__name__}: {error})")
            self._answer(500, {"error": "a bug in weakseg; its terminal says more"})
        else:
            brushes = sum(len(each["result"]) for each in answer["results"])
            self.said(f"{len(answer['results'])} tasks answered with {brushes} brushes")
            self._answer(200, answer)

    def _body(self) -> dict[str, Any] | None:
        """The JSON object that was sent; `None` if the request was refused."""
        refused = self._refusal()
        if refused is not None:
            # The body was not read, and the next request would begin in the middle of it.
            self.close_connection = True
            self._answer(*refused)
            return None
        try:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        except (ValueError, RecursionError, OSError):
            sent = None
        if not isinstance(sent, dict):
            self._answer(400, {"error": "the body is no JSON object"})
            return None
        return sent

    def _refusal(self) -> tuple[int, dict[str, str]] | None:
        host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host") or ""
        if self.local and not is_local(host):
            # A page of another site may point its own name here.
            return 403, {"error": "this server answers to localhost alone"}
        # A form on another site can send text without being asked, but not this type.
        if "json" not in (self.headers.get("Content-Type") or ""):
            return 415, {"error": "application/json is expected"}
        length = self.headers.get("Content-Length") or ""
        if not length.isdecimal():
            return 411, {"error": "Content-Length is missing"}
        # Python refuses to read numbers of thousands of digits.
        if len(length) > 12 or int(length) > _LARGEST:
            return 413, {"error": f"more than {_LARGEST} bytes"}
        return None

    def _answer(self, code: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `said` has what matters."""
