"""CVAT for images and for video: an XML file of shapes.

Boxes and ellipses are turned about their centre; masks are run lengths, row by row, within a rectangle of their own.
Of a video the key frames are read: what lies between them was interpolated.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from xml.etree.ElementTree import Element

from weakseg.errors import DataInvalid
from weakseg.formats.codes import RowRuns, counts_of
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark, require_name
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon, Shape, box_of, from_xy


def _claims(entry: Entry) -> bool:
    root = entry.root("annotations")
    return root is not None and any(root.find(tag) is not None for tag in _PARTS)


_PARTS = ("meta", "image", "track")


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    return Annotations.joined(map(_file, entries))


def _file(entry: Entry) -> Annotations:
    root, ignored = entry.xml, list[Ignored]()
    assert root is not None
    images: list[ImageMarks] = []
    for number, image in enumerate(root.iterfind("image"), start=1):
        with noted(ignored, f"{entry.place}, image {number}", "image"):
            images.append(_image(image, f"{entry.place}, image {number}", ignored))
    images += _frames(root, entry.place, ignored)
    # Parts of a skeleton are labels with a parent.
    labels = [label.findtext("name") or "" for label in root.iterfind("meta//label") if label.find("parent") is None]
    return Annotations(tuple(images), tuple(dict.fromkeys(filter(None, labels))), tuple(ignored))


def _image(image: Element, place: str, ignored: list[Ignored]) -> ImageMarks:
    marks: list[Mark] = []
    present: list[str] = []
    for number, shape in enumerate(image, start=1):
        of = f"{place}, {shape.tag} {number}"
        with noted(ignored, of, shape.tag):
            if shape.tag == "tag":
                require_name(shape.attrib["label"])
                present.append(shape.attrib["label"])
            else:
                marks += _marks(shape, shape.attrib["label"], of, ignored)
    order = [(_order(shape), f"{place}, {shape.tag} {number}") for number, shape in enumerate(image, start=1)]
    layers = {of: layer for layer, of in order}
    # A stable sort: within a layer the order of drawing stays.
    marks.sort(key=lambda mark: layers[mark.source])
    # Projects may have an image of the same name in each of their subsets.
    name = "/".join(filter(None, (image.get("subset"), image.attrib["name"])))
    return ImageMarks(name, _size(image.get("height"), image.get("width")), tuple(marks), tuple(dict.fromkeys(present)))


def _order(shape: Element) -> int:
    try:
        return int(shape.get("z_order") or 0)
    except ValueError:
        return 0


def _size(height: str | None, width: str | None) -> tuple[int, int] | None:
    return (int(height), int(width)) if height and width else None


def _marks(shape: Element, label: str, place: str, ignored: list[Ignored]) -> Iterator[Mark]:
    """The marks of a shape: one, or one for each of its points."""
    if shape.tag == "skeleton":
        for number, part in enumerate(shape.iterfind("points"), start=1):
            with noted(ignored, f"{place}, point {number}", "points"):
                yield from _marks(part, label, place, ignored)
    elif _is_outside(shape):
        raise DataInvalid("it is not in view")
    elif shape.tag in _SHAPES:
        for one in _SHAPES[shape.tag](shape):
            yield Mark(label, one, source=place)
    else:
        raise DataInvalid("shapes of this kind are not read")


def _is_outside(shape: Element) -> bool:
    return shape.get("outside") == "1"


def _frames(root: Element, place: str, ignored: list[Ignored]) -> Iterator[ImageMarks]:
    """The frames of a video that have a key frame of a track."""
    marks: dict[int, list[tuple[int, Mark]]] = {}
    for number, track in enumerate(root.iterfind("track"), start=1):
        skipped: Counter[tuple[str, str]] = Counter()
        for shape in track:
            of = f"{place}, track {number}, frame {shape.get('frame')}"
            if _is_outside(shape):
                skipped[shape.tag, "it is not in view"] += 1
            # What the tool interpolated between key frames is its guess and no annotation.
            elif shape.get("keyframe", "1") != "1":
                skipped[shape.tag, "interpolated between key frames"] += 1
            else:
                with noted(ignored, of, shape.tag):
                    label = track.get("label") or shape.attrib["label"]
                    found = [(_order(shape), mark) for mark in _marks(shape, label, of, ignored)]
                    marks.setdefault(int(shape.attrib["frame"]), []).extend(found)
        for (kind, reason), count in skipped.items():
            frames = f"{count} frame{'s' * (count > 1)}"
            # Counted by track and reason: a film has thousands of such frames.
            ignored.append(Ignored(f"{place}, track {number}", kind[:40], f"{reason}, in {frames}"))
    size = None
    with noted(ignored, place, "original_size"):
        size = _size(root.findtext("meta//original_size/height"), root.findtext("meta//original_size/width"))
    for frame, found in sorted(marks.items()):
        # By layer alone: marks themselves have no order to compare by.
        found.sort(key=lambda each: each[0])
        yield ImageMarks(f"frame_{frame:06d}", size, tuple(mark for _, mark in found))


def _vertices(shape: Element):
    """Vertices (row, column) of "x,y;x,y"."""
    return from_xy(point.split(",") for point in shape.attrib["points"].split(";") if point.strip())


def _number(shape: Element, name: str) -> float:
    return float(shape.attrib[name])


def _degrees(shape: Element) -> float:
    return float(shape.get("rotation") or 0)


def _box(shape: Element) -> Box:
    corners = [[_number(shape, x), _number(shape, y)] for x, y in (("xtl", "ytl"), ("xbr", "ybr"))]
    box = box_of(from_xy(corners))
    return Box(box.top, box.left, box.bottom, box.right, _degrees(shape))


def _ellipse(shape: Element) -> Ellipse:
    row, column, rows, columns = (_number(shape, name) for name in ("cy", "cx", "ry", "rx"))
    return Ellipse(row, column, rows, columns, _degrees(shape))


def _mask(shape: Element) -> Mask:
    # Other programs write whole numbers with a decimal point.
    top, left, height, width = (int(_number(shape, name)) for name in ("top", "left", "height", "width"))
    return Mask(top, left, height, width, RowRuns(counts_of(shape.attrib["rle"].split(","))))


_SHAPES: dict[str, Callable[[Element], Iterable[Shape]]] = {
    "box": lambda shape: [_box(shape)],
    "ellipse": lambda shape: [_ellipse(shape)],
    "polygon": lambda shape: [Polygon(((_vertices(shape),),))],
    "polyline": lambda shape: [Line(_vertices(shape))],
    "points": lambda shape: (Point(row, column) for row, column in _vertices(shape).tolist()),
    "mask": lambda shape: [_mask(shape)],
}

CVAT_XML = Format("CVAT for images", _claims, _read, ignores_exif=False)
