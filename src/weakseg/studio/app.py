"""The studio's requests and their answers."""

# pyright: reportMissingImports=false
# starlette comes with an extra, and not everyone who works on this package has it.

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.resources import files
from io import BytesIO
from typing import Any

import anyio
import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from weakseg.data.overlay import as_rgb
from weakseg.errors import WeaksegError
from weakseg.studio.guard import MOST_BYTES, NOWHERE, Guard, TooLong
from weakseg.studio.labels.layers import standing
from weakseg.studio.labels.mark import TAGS, State, read_mark
from weakseg.studio.labels.palette import colours
from weakseg.studio.labels.refusals import Refused, TooMuch, Unknown
from weakseg.studio.stage_a import as_png, mask_png
from weakseg.studio.studio import Studio

PAGE = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    **{
        f"{name}.js": "text/javascript; charset=utf-8"
        for name in ("main", "canvas", "drawing", "images", "overlay", "server", "training")
    },
    "icon.svg": "image/svg+xml",
}
"""All files of the page: no other file can be asked for."""
_SHOWN_PX = 2048
"""Longest side of the image that the page shows."""
_THUMBNAIL_PX, _THUMBNAILS = 160, 2000
"""Longest side of a small image, and how many are kept."""
_PATIENCE_S = 20
"""How long a request waits for stage A."""
_PAUSE_S = 0.004
"""How often it looks."""


def application(studio: Studio, port: int, token: str, frames: str = NOWHERE) -> Guard:
    """The studio of a folder, as an ASGI application that only its own page can use."""
    server = _Server(studio)
    routes = [
        Route("/", server.page),
        Route("/page/{name}", server.page),
        Route("/api/project", server.project),
        Route("/api/now", server.now),
        Route("/api/queue", server.queue),
        Route("/api/training/start", server.start, methods=["POST"]),
        Route("/api/training/stop", server.stop, methods=["POST"]),
        Route("/api/training/resume", server.resume, methods=["POST"]),
        Route("/api/classes", server.add_class, methods=["POST"]),
        Route("/api/images/{image:int}/image", server.image),
        Route("/api/images/{image:int}/thumbnail", server.thumbnail),
        Route("/api/images/{image:int}/network", server.network),
        Route("/api/images/{image:int}/scribbles", server.scribbles),
        Route("/api/images/{image:int}/segmentation", server.segmentation),
        Route("/api/images/{image:int}/unsure", server.unsure),
        Route("/api/images/{image:int}/marks", server.marks),
        Route("/api/images/{image:int}/marks", server.add, methods=["POST"]),
        Route("/api/images/{image:int}/reload", server.reload, methods=["POST"]),
    ]
    handlers: dict[Any, Callable[..., Any]] = {WeaksegError: _refused, TooLong: _too_long}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), port, token, frames)


class _Server:
    """What each route answers."""

    def __init__(self, studio: Studio):
        self._studio, self._project, self._live = studio, studio.project, studio.live
        self._thumbnails: dict[int, bytes] = {}

    def page(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in PAGE:
            raise Unknown("no such file of the page")
        return Response((files("weakseg.studio") / "page" / name).read_bytes(), media_type=PAGE[name])

    def project(self, request: Request) -> Response:
        project = self._project
        names = project.classes.names
        shades = colours(len(names), project.classes.background)
        return JSONResponse(
            {
                "name": project.root.resolve().name,
                "classes": [{"name": name, "colour": shade} for name, shade in zip(names, shades, strict=True)],
                "images": project.keys,
                "marks": [project.journal.revision(key) for key in project.keys],
                "states": project.states(),
            }
        )

    def queue(self, request: Request) -> Response:
        order, scores = self._studio.ranking.order()
        project = self._project
        return JSONResponse(
            {
                "order": order,
                "scores": [round(scores[image], 3) if image in scores else None for image in range(len(project.keys))],
                "marks": [project.journal.revision(key) for key in project.keys],
                "states": project.states(),
            }
        )

    def now(self, request: Request) -> Response:
        studio = self._studio
        return JSONResponse(
            {
                "training": asdict(studio.training.progress()),
                "network": studio.sight.stamp(),
                "scores": [asdict(score) for score in studio.training.scores()],
                "problem": studio.sight.problem,
                "ranked": studio.ranking.version,
            }
        )

    async def start(self, request: Request) -> Response:
        said = await _json(request)
        await run_in_threadpool(self._studio.training.start, said.get("network"), said.get("epochs"))
        return await run_in_threadpool(self.now, request)

    async def stop(self, request: Request) -> Response:
        await _json(request)
        await run_in_threadpool(self._studio.training.stop)
        return await run_in_threadpool(self.now, request)

    async def resume(self, request: Request) -> Response:
        await _json(request)
        await run_in_threadpool(self._studio.training.resume)
        return await run_in_threadpool(self.now, request)

    async def add_class(self, request: Request) -> Response:
        said = await _json(request)
        name = said.get("name")
        if not isinstance(name, str):
            raise Refused("the class has no name")
        await run_in_threadpool(self._project.add_class, name.strip())
        return self.project(request)

    def image(self, request: Request) -> Response:
        picture = Image.fromarray(as_rgb(self._project.pixels(request.path_params["image"])))
        picture.thumbnail((_SHOWN_PX, _SHOWN_PX))
        return _png(picture, compress_level=1)

    def thumbnail(self, request: Request) -> Response:
        image = request.path_params["image"]
        made = self._thumbnails.get(image)
        if made is None:
            picture = Image.fromarray(as_rgb(self._project.read(image)))
            picture.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
            made = bytes(_png(picture, compress_level=1).body)
            # Requests come in several threads: each step alone leaves a dictionary whole, and keys are listed first.
            for oldest in [*self._thumbnails][: max(len(self._thumbnails) - _THUMBNAILS + 1, 0)]:
                self._thumbnails.pop(oldest, None)
            self._thumbnails[image] = made
        return Response(made, media_type="image/png")

    def network(self, request: Request) -> Response:
        image = request.path_params["image"]
        self._project.key(image)
        probs = self._studio.sight.see(image).probs
        if probs is None:
            return Response(status_code=204)
        return Response(as_png(probs.argmax(0), self._shades()), media_type="image/png")

    def scribbles(self, request: Request) -> Response:
        _, layers = self._project.state(request.path_params["image"])
        return Response(as_png(layers.seeds, self._shades()), media_type="image/png")

    def marks(self, request: Request) -> Response:
        return self._state(request.path_params["image"])

    async def add(self, request: Request) -> Response:
        image, said = request.path_params["image"], await _json(request)
        return await run_in_threadpool(self._add, image, _revision(said), said.get("mark"))

    async def reload(self, request: Request) -> Response:
        image, said = request.path_params["image"], await _json(request)
        await run_in_threadpool(self._project.reload, image, _revision(said))
        return await run_in_threadpool(self._state, image)

    async def segmentation(self, request: Request) -> Response:
        image, asked = request.path_params["image"], request.query_params
        revision = _asked_revision(asked)
        fine = asked.get("fine") == "1"
        until = time.monotonic() + _PATIENCE_S
        # The page asks together with its mark, which may come a little later.
        while revision > (now := (await run_in_threadpool(self._project.state, image))[0]):
            if time.monotonic() > until or await request.is_disconnected():
                return Response(status_code=202)
            await anyio.sleep(_PAUSE_S)
        if revision < now:
            return Response("obsolete", 409)
        self._live.ask(image, revision)
        while (found := self._live.found(image, revision, fine)) is None:
            if self._live.obsolete(image, revision):
                return Response("obsolete", 409)
            if time.monotonic() > until or await request.is_disconnected():
                return Response(status_code=202)
            await anyio.sleep(_PAUSE_S)
        told = {
            "x-energy": f"{found.answer.energy:.4f}",
            "x-gap": f"{found.answer.gap:.4f}",
            "x-milliseconds": str(found.milliseconds),
            "x-fine": str(int(found.fine)),
            "x-unsure": "" if found.answer.unsure is None else f"{found.answer.unsure.mean():.4f}",
            "x-status": found.answer.status.replace("\n", " ").encode("ascii", "replace").decode(),
        }
        if found.answer.labels is None:
            return Response(status_code=204, headers=told)
        return Response(as_png(found.answer.labels, self._shades()), media_type="image/png", headers=told)

    def unsure(self, request: Request) -> Response:
        image = request.path_params["image"]
        self._project.key(image)
        found = self._live.found(image, _asked_revision(request.query_params), fine=True)
        if found is None or found.answer.unsure is None:
            return Response(status_code=204)
        return Response(mask_png(found.answer.unsure), media_type="image/png")

    def _add(self, image: int, revision: int, said: Any) -> Response:
        project = self._project
        mark = read_mark(said, project.classes.names, project.size(project.key(image)))
        if isinstance(mark, State):
            project.add(image, revision, mark)
        else:
            # Stage A begins before the files of labels are written.
            project.add(image, revision, mark, self._live.ask)
        return self._state(image)

    def _state(self, image: int) -> Response:
        project = self._project
        revision, layers = project.state(image)
        done, undone = standing(project.journal.marks.get(project.key(image), ()))
        height, width = layers.seeds.shape
        words = {tag: word for word, tag in TAGS.items()}
        return JSONResponse(
            {
                "revision": revision,
                "height": height,
                "width": width,
                "clicks": layers.clicks,
                "boxes": layers.boxes,
                "tags": [words[tag] for tag in layers.tags],
                "shares": np.bincount(layers.seeds[layers.seeds >= 0], minlength=len(layers.tags)).tolist(),
                "undo": bool(done),
                "redo": bool(undone),
                "state": project.state_of(image),
                "changed": project.changed(image),
            }
        )

    def _shades(self) -> list[tuple[int, int, int]]:
        return colours(len(self._project.classes), self._project.classes.background)


async def _json(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
    try:
        said = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON") from None
    if not isinstance(said, dict):
        raise Refused("the body is no JSON object")
    return said


def _revision(said: dict[str, Any]) -> int:
    revision = said.get("revision")
    if not isinstance(revision, int) or isinstance(revision, bool):
        raise Refused("the mark has no revision")
    return revision


def _asked_revision(asked: Mapping[str, str]) -> int:
    if not asked.get("revision", "").isdecimal():
        raise Refused("no revision is asked for")
    return int(asked["revision"][:9])


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _png(picture: Image.Image, **how: int) -> Response:
    stream = BytesIO()
    picture.save(stream, format="PNG", **how)
    return Response(stream.getvalue(), media_type="image/png")


def _refused(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, Refused) else 500
    return JSONResponse({"error": str(error)}, status_code=status)


def _too_long(request: Request, error: Exception) -> Response:
    return _refused(request, TooMuch(f"the body has more than {MOST_BYTES:,} bytes"))
