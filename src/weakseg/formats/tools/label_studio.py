"""Label Studio: JSON exports of tasks.

Coordinates are percentages of the image as shown; `image_rotation` is how the annotator turned the view and means
nothing. Of several annotators' answers one is read: the one marked as ground truth, else the last.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from weakseg.data.images.image_file import EXTENSIONS
from weakseg.errors import DataInvalid
from weakseg.formats.codes import Bitmap
from weakseg.formats.entry import Entry, holds
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.formats.tools.label_studio_brush import BrushRuns
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark, require_name
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon, Shape, box_of, from_xy, rotated

_CHOSEN = "of several annotators' answers the one marked as ground truth is read, else the last"
_OTHER_EXPORTS = "export the project as JSON: it alone holds every kind of mark in full"


def _claims(entry: Entry) -> bool:
    return bool(_tasks(entry)) or _is_small(entry) or _is_of_yolo(entry)


def _tasks(entry: Entry) -> list[Any]:
    """The tasks in a file: an export, one task of the server's, or one annotation of a storage."""
    content = entry.json
    if holds(content, "task", "result") and isinstance(content["task"], dict):
        content = {**content["task"], "annotations": [content]}
    tasks = content if isinstance(content, list) else [content]
    return tasks if any(map(_is_task, tasks)) else []


def _is_task(task: Any) -> bool:
    # Versions before 1.0 say completions.
    return (holds(task, "annotations") or holds(task, "completions")) and isinstance(task.get("data"), dict)


def _is_small(entry: Entry) -> bool:
    """Whether a file is an export of the kind JSON-MIN."""
    content = entry.json
    return isinstance(content, list) and bool(content) and holds(content[0], "annotation_id", "id")


def _is_of_yolo(entry: Entry) -> bool:
    content = entry.json
    info = content.get("info") if isinstance(content, dict) and not holds(content, "images") else None
    return isinstance(info, dict) and info.get("contributor") == "Label Studio"


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    notes, images = [], []
    for entry in entries:
        tasks = _tasks(entry)
        if not tasks:
            kind = "YOLO" if _is_of_yolo(entry) else "JSON-MIN"
            ignored.append(Ignored(entry.place, "file", f"an export of the kind {kind}; {_OTHER_EXPORTS}"))
        for number, task in enumerate(tasks, start=1):
            with noted(ignored, f"{entry.place}, task {number}", "task"):
                place = f"{entry.place}, task {task.get('id', number)}"
                answers = _answers(task, place, ignored)
                notes += [_CHOSEN] * (len(answers) > 1)
                images += _images(task, answers, place, sizes, ignored)
    return Annotations(tuple(images), ignored=tuple(ignored), notes=tuple(dict.fromkeys(notes)))


def _answers(task: dict[str, Any], place: str, ignored: list[Ignored]) -> list[dict[str, Any]]:
    """The annotations of a task that were not skipped, the chosen one first."""
    answers = []
    for answer in task.get("annotations") or task.get("completions") or ():
        if isinstance(answer, dict) and not (answer.get("was_cancelled") or answer.get("skipped")):
            answers.insert(0, answer)
        elif not isinstance(answer, dict):
            # Some exports hold the numbers of annotations in place of the annotations.
            ignored.append(Ignored(place, "annotation", f"only its number is in the file; {_OTHER_EXPORTS}"))
        else:
            ignored.append(Ignored(place, "annotation", "the annotator skipped the task"))
    answers.sort(key=lambda answer: answer.get("ground_truth") is not True)
    ignored += [Ignored(place, "annotation", "another annotator's answer is read")] * (len(answers) - 1)
    if any(isinstance(each, dict) and each.get("result") for each in task.get("predictions") or ()):
        ignored.append(Ignored(place, "prediction", "a model's prediction is no label"))
    return answers


def _images(
    task: dict[str, Any], answers: list[dict[str, Any]], place: str, sizes: Sizes, ignored: list[Ignored]
) -> Iterator[ImageMarks]:
    """The images of a task: one, or several that it shows as a list."""
    results = list(answers[0].get("result") or ()) if answers else []
    names = _names(task, sizes)
    of_image = defaultdict(list)
    for number, result in enumerate(results, start=1):
        with noted(ignored, f"{place}, region {number}", str(result.get("type"))):
            index = int(result.get("item_index") or 0)
            if not 0 <= index < len(names):
                raise DataInvalid(f"it lies on image {index + 1} of {len(names)}")
            of_image[index].append((f"{place}, region {number}", result))
    for index, name in enumerate(names):
        yield marks_of(name, of_image[index], sizes, ignored)


def _names(task: dict[str, Any], sizes: Sizes) -> list[str]:
    """The images that a task shows."""
    data = task["data"]
    for value in data.values():
        if isinstance(value, list) and value and all(isinstance(each, str) and _is_image(each) for each in value):
            return value
    texts = [value for value in data.values() if isinstance(value, str) and not value.startswith("data:")]
    likely = [text for text in texts if _is_image(text)]
    # An address may say nothing of the file, and the name of an uploaded file may be missing.
    uploaded = task.get("file_upload")
    candidates = [*likely, *([uploaded] if isinstance(uploaded, str) and uploaded else []), *texts]
    if not candidates:
        raise DataInvalid("its data name no image")
    known = [name for name in candidates if is_known(name, sizes)] if len(set(candidates)) > 1 else []
    return (known or candidates)[:1]


def _is_image(text: str) -> bool:
    lower = text.lower()
    return any(path.endswith(tuple(EXTENSIONS)) for path in (lower, lower.partition("?")[0]))


def marks_of(name: str, results: list[tuple[str, dict[str, Any]]], sizes: Sizes, ignored: list[Ignored]) -> ImageMarks:
    """The marks in the results of one image, each with its place."""
    shapes = {result["id"]: result for _, result in results if result.get("id") and _kind(result) in _SHAPES}
    labels = _by_region(results, "labels")
    choices = _by_region(results, "choices")
    marks: list[Mark] = []
    present: list[str] = []
    stated: list[tuple[int, int]] = []
    for place, result in results:
        kind, shape = _kind(result), shapes.get(result.get("id"))
        with noted(ignored, place, str(result.get("type"))):
            if kind in _SHAPES:
                size = _size(result, name, sizes)
                label = _only(_classes(result, labels, choices))
                marks.append(Mark(label, _SHAPES[kind](result["value"], np.array(size)), source=place))
                stated += [size] * bool(result.get("original_width"))
            elif kind == "choices" and shape is None:
                present += [_text(each) for each in result["value"]["choices"]]
            elif kind == "choices" and _classes(shape, labels, choices) != choices[result["id"]]:
                raise DataInvalid("it describes a region that has a class")
            elif kind not in ("labels", "choices") or shape is None:
                raise DataInvalid("it is no mark on an image")
    return ImageMarks(name, stated[0] if stated else None, tuple(marks), tuple(dict.fromkeys(present)))


def _kind(result: dict[str, Any]) -> str:
    """The kind of a result, whether its class is part of it or not."""
    kind = str(result.get("type")).lower()
    return kind.removesuffix("labels") or kind


def _by_region(results: list[tuple[str, dict[str, Any]]], kind: str) -> dict[Any, list[Any]]:
    """What results of a kind say, by the region that they share a number with."""
    said = defaultdict(list)
    for _, result in results:
        value = result.get("value")
        if _kind(result) == kind and isinstance(value, dict) and isinstance(value.get(kind), list):
            said[result.get("id")] += value[kind]
    return said


def _classes(result: dict[str, Any] | None, labels: dict[Any, list[Any]], choices: dict[Any, list[Any]]) -> list[Any]:
    """The classes of a region: its own, those of a control of their own, or what was chosen for it."""
    if result is None:
        return []
    own = result["value"].get(str(result["type"]).lower()) or result["value"].get("labels")
    return own or labels.get(result.get("id")) or choices.get(result.get("id")) or []


def _only(classes: Iterable[Any]) -> str:
    names = list(dict.fromkeys(map(_text, classes)))
    if not names:
        raise DataInvalid("it has no class")
    if len(names) > 1:
        raise DataInvalid(f"it has the classes {' and '.join(names)[:80]}, and a pixel has one")
    return names[0]


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise DataInvalid("a class without a name")
    require_name(name)
    return name


def _size(result: dict[str, Any], name: str, sizes: Sizes) -> tuple[int, int]:
    """(height, width) of the image, which percentages refer to."""
    if result.get("original_width") and result.get("original_height"):
        return int(result["original_height"]), int(result["original_width"])
    if (size := sizes(name)) is None:
        raise DataInvalid("the file states no size for its image, and the image is not there")
    return size


def _percent(points: Iterable[Iterable[Any]], size: np.ndarray) -> np.ndarray:
    """Vertices (row, column) from percentages (x, y)."""
    return from_xy(points) / 100 * size


def _rectangle(value: dict[str, Any], size: np.ndarray) -> Box:
    corner, across = _percent([(value["x"], value["y"]), (value["width"], value["height"])], size)
    degrees = float(value.get("rotation") or 0)
    if not degrees % 360:
        return box_of(np.stack([corner, corner + across]))
    # The program turns about the top left corner, boxes here about their centre.
    box_of(np.stack([corner, corner + across]))
    centre = corner + rotated(across[None] / 2, degrees)[0]
    (top, left), (bottom, right) = (centre - abs(across) / 2).tolist(), (centre + abs(across) / 2).tolist()
    return Box(top, left, bottom, right, degrees)


def _ellipse(value: dict[str, Any], size: np.ndarray) -> Ellipse:
    centre, radii = _percent([(value["x"], value["y"]), (value["radiusX"], value["radiusY"])], size).tolist()
    return Ellipse(centre[0], centre[1], radii[0], radii[1], float(value.get("rotation") or 0))


def _polygon(value: dict[str, Any], size: np.ndarray) -> Polygon | Line:
    points = _percent(value["points"], size)
    return Line(points) if value.get("closed") is False else Polygon(((points,),))


def _vector(value: dict[str, Any], size: np.ndarray) -> Polygon | Line:
    if any(vertex.get("isBezier") for vertex in value["vertices"]):
        raise DataInvalid("it has curved pieces")
    points = [(vertex["x"], vertex["y"]) for vertex in value["vertices"]]
    return _polygon({"points": points, "closed": bool(value.get("closed"))}, size)


def _point(value: dict[str, Any], size: np.ndarray) -> Point:
    x, y = float(value["x"]), float(value["y"])
    # Clicks on the border are stored a little outside.
    if -1 <= x <= 101 and -1 <= y <= 101:
        x, y = min(max(x, 0.0), 100.0), min(max(y, 0.0), 100.0)
    return Point(*_percent([(x, y)], size)[0].tolist())


def _brush(value: dict[str, Any], size: np.ndarray) -> Mask:
    if value.get("format", "rle") != "rle" or not isinstance(value["rle"], list):
        raise DataInvalid(f"its format is {str(value.get('format'))[:20]!r}, which is unknown")
    height, width = size.tolist()
    return Mask(0, 0, height, width, BrushRuns(bytes(value["rle"])))


def _bitmask(value: dict[str, Any], size: np.ndarray) -> Mask:
    height, width = size.tolist()
    return Mask(0, 0, height, width, Bitmap.of_base64(value["imageDataURL"], threshold=128))


_SHAPES: dict[str, Callable[[dict[str, Any], np.ndarray], Shape]] = {
    "rectangle": _rectangle,
    "ellipse": _ellipse,
    "polygon": _polygon,
    "vector": _vector,
    "keypoint": _point,
    "brush": _brush,
    "bitmask": _bitmask,
}

LABEL_STUDIO = Format("Label Studio", _claims, _read, ignores_exif=False)
