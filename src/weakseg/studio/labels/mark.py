"""Marks that the page sends, and their JSON.

A mark is an object of one key: {"stroke": {"class": "cow", "points": [[x, y], ...], "width": 3}}. Points are in pixels
of the image, whose centres lie at integers; boxes are in edges, half open, as in boxes.csv.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from weakseg.studio.labels.refusals import Refused, TooMuch
from weakseg.types import ABSENT, PRESENT, UNTOLD

Points = tuple[tuple[float, float], ...]

MOST_POINTS = 4_000
"""Most vertices of a stroke."""
WIDEST_PX = 400
"""Largest width of a brush in pixels."""
TAGS = {"present": PRESENT, "absent": ABSENT, "untold": UNTOLD}
"""What can be said of a class."""
STATES = ("open", "done", "skipped")
"""What can be said of an image as a piece of work."""
RELOADED = ("scribbles", "boxes.csv", "clicks.csv", "tags.csv")
"""Where labels can be reloaded from."""


@dataclass(frozen=True)
class Stroke:
    """A curve of a brush."""

    label: str
    points: Points
    width: float


@dataclass(frozen=True)
class Eraser:
    """A curve that takes away what it touches."""

    points: Points
    width: float


@dataclass(frozen=True)
class Click:
    """One pixel of a class."""

    label: str
    x: int
    y: int


@dataclass(frozen=True)
class Box:
    """A box around a thing."""

    label: str
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Polygon:
    """All of the inside of a closed line."""

    label: str
    points: Points


@dataclass(frozen=True)
class State:
    """What is said of the whole image as a piece of work."""

    said: str
    """A name of `STATES`."""


@dataclass(frozen=True)
class Tag:
    """What is said of a class in the whole image."""

    label: str
    said: int


@dataclass(frozen=True)
class Undo:
    """The last mark that counts is taken back."""


@dataclass(frozen=True)
class Redo:
    """The last mark that was taken back counts again."""


@dataclass(frozen=True)
class Reload:
    """The labels of one file are those that another program wrote."""

    file: str
    """The folder or table, as in a data folder."""
    digest: str
    """Digest of the content, which studio/reloaded/ keeps."""


Mark = Stroke | Eraser | Click | Box | Polygon | Tag | State | Undo | Redo | Reload


def read_mark(said: Any, classes: Collection[str], size: tuple[int, int]) -> Mark:
    """The mark of a JSON object.

    Args:
        said: what the JSON says.
        classes: names of the classes.
        size: (height, width) of the image.

    Raises:
        Refused: it is no mark, or of no class.
        TooMuch: it has too many points, or leaves the image.
    """
    if not isinstance(said, dict) or len(said) != 1:
        raise Refused("the mark is no object of one key", expected="for instance undo, stroke or box")
    [(kind, parts)] = said.items()
    if not isinstance(parts, dict):
        raise Refused(f"the {kind} is no object"[:80])
    height, width = size
    if kind == "undo":
        return Undo()
    if kind == "redo":
        return Redo()
    if kind == "erase":
        return Eraser(_points(parts, size), _number(parts, "width", 0, WIDEST_PX))
    if kind == "state":
        if not isinstance(parts.get("said"), str) or parts["said"] not in STATES:
            raise Refused("the state says nothing", expected=", ".join(STATES))
        return State(parts["said"])
    if kind not in ("stroke", "click", "box", "polygon", "tag"):
        raise Refused("unknown kind of mark", expected="stroke, erase, click, box, polygon, tag, state, undo or redo")
    label = parts.get("class")
    if not isinstance(label, str) or label not in classes:
        raise Refused("the mark has no known class", fix="reload the page")
    if kind == "stroke":
        return Stroke(label, _points(parts, size), _number(parts, "width", 0, WIDEST_PX))
    if kind == "polygon":
        points = _points(parts, size)
        if len(points) < 3:
            raise Refused("the polygon has no inside", expected="at least 3 points")
        return Polygon(label, points)
    if kind == "click":
        return Click(label, _whole(parts, "x", 0, width - 1), _whole(parts, "y", 0, height - 1))
    if kind == "tag":
        if not isinstance(parts.get("said"), str) or parts["said"] not in TAGS:
            raise Refused("the tag says nothing", expected=", ".join(TAGS))
        return Tag(label, TAGS[parts["said"]])
    left, right = (_whole(parts, side, 0, width) for side in ("left", "right"))
    top, bottom = (_whole(parts, side, 0, height) for side in ("top", "bottom"))
    if left >= right or top >= bottom:
        raise Refused("the box is empty", expected="left < right and top < bottom")
    return Box(label, left, top, right, bottom)


def recorded(said: Any, classes: Collection[str], size: tuple[int, int]) -> Mark:
    """The mark of a line of the journal: also what no page may send."""
    if isinstance(said, dict) and [*said] == ["reload"] and isinstance(said["reload"], dict):
        file, digest = said["reload"].get("file"), said["reload"].get("digest")
        if file not in RELOADED or not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise Refused("the journal holds no name of a reloaded file")
        return Reload(file, digest)
    return read_mark(said, classes, size)


def written(mark: Mark) -> dict[str, Any]:
    """The JSON object of a mark."""
    match mark:
        case Stroke(label, points, width):
            return {"stroke": {"class": label, "points": [list(point) for point in points], "width": width}}
        case Polygon(label, points):
            return {"polygon": {"class": label, "points": [list(point) for point in points]}}
        case State(said):
            return {"state": {"said": said}}
        case Eraser(points, width):
            return {"erase": {"points": [list(point) for point in points], "width": width}}
        case Click(label, x, y):
            return {"click": {"class": label, "x": x, "y": y}}
        case Box(label, left, top, right, bottom):
            return {"box": {"class": label, "left": left, "top": top, "right": right, "bottom": bottom}}
        case Tag(label, said):
            return {"tag": {"class": label, "said": next(name for name, tag in TAGS.items() if tag == said)}}
        case Reload(file, digest):
            return {"reload": {"file": file, "digest": digest}}
    return {"undo": {}} if isinstance(mark, Undo) else {"redo": {}}


def _points(parts: dict[str, Any], size: tuple[int, int]) -> Points:
    points = parts.get("points")
    if not isinstance(points, list) or not points:
        raise Refused("the mark has no points")
    if len(points) > MOST_POINTS:
        raise TooMuch(f"{len(points):,} points", expected=f"at most {MOST_POINTS:,}", fix="lift the pen in between")
    height, width = size
    if not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise Refused("a point is not [x, y]")
    return tuple((_within(x, -1, width, "x"), _within(y, -1, height, "y")) for x, y in points)


def _number(parts: dict[str, Any], name: str, least: int, most: int) -> float:
    return _within(parts.get(name), least, most, name)


def _whole(parts: dict[str, Any], name: str, least: int, most: int) -> int:
    value = _within(parts.get(name), least, most, name)
    if value != int(value):
        raise Refused(f"{name} is no whole number")
    return int(value)


def _within(value: Any, least: int, most: int, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise Refused(f"{name} is no number")
    # Compared first: float() of a very long whole number raises.
    if not least <= value <= most:
        raise TooMuch(f"{name} is out of bounds", expected=f"{least} to {most}")
    return float(value)
