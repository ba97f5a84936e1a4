"""The studio's server, on this machine alone."""

# pyright: reportMissingImports=false
# uvicorn comes with an extra, and not everyone who works on this package has it.

import secrets
import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from weakseg.errors import DataInvalid
from weakseg.studio.app import application
from weakseg.studio.guard import Guard
from weakseg.studio.project import Project
from weakseg.studio.sight import Predict
from weakseg.studio.studio import Studio


def serve(
    project: Project, predict: Predict | None, port: int | None, browser: bool, tell: Callable[[str], None]
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        project: the open folder.
        predict: a network's probabilities, where they count.
        port: the port; any free one by default.
        browser: whether the page is opened.
        tell: prints a line.

    Raises:
        DataInvalid: the port is taken.
    """
    with bound(port) as listening:
        given: int = listening.getsockname()[1]
        token, studio = secrets.token_urlsafe(24), Studio(project, predict)
        address = f"http://127.0.0.1:{given}/?token={token}"
        tell(f"{project.root}: {len(project.keys)} images, {len(project.classes)} classes")
        tell(f"the studio is at {address}")
        tell("the address works once, on this machine; Ctrl-C ends the studio, and every mark is saved already")
        if browser:
            webbrowser.open(address)
        try:
            server_of(application(studio, given, token)).run(sockets=[listening])
        finally:
            studio.end()


def server_of(application: Guard) -> uvicorn.Server:
    """The server of a studio's application, which writes no log."""
    # The log of requests would show the token.
    config = uvicorn.Config(
        application,
        log_level="error",
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="off",
        limit_concurrency=64,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def bound(port: int | None) -> socket.socket:
    """A socket that listens on this machine alone.

    Raises:
        DataInvalid: the port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it. Without it the second packet of an answer waits 40 ms for the browser's word on the first.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind(("127.0.0.1", port or 0))
        # A browser that is quicker than the server waits, and is not refused.
        listening.listen()
    except OSError as error:
        listening.close()
        fix = "choose another --port, or leave it out"
        raise DataInvalid(f"port {port} cannot be used: {error.strerror}", fix=fix) from error
    return listening
