"""ImageJ and Fiji: regions of interest, as single .roi files or as the RoiSet.zip of an image.

The name of a region without its number is its class. Corners of areas are edge coordinates; whole numbers of lines and
points are pixels.
"""

import logging
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Float

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.extras import needed
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.formats.tree import ZipTree
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Box, Ellipse, Line, Point, Polygon, Shape, from_xy, turned_box

_MOST_BYTES = 2**26
"""Largest region that is read, unpacked."""
_AUTOMATIC = re.compile(r"^(\d{3,6}-){1,3}\d{3,6}(-\d+)?$|^\d*$")
"""Names that the program gives: slice, row and column of the middle."""
_NUMBERED = re.compile(r"(?<=.)([-_ .]+\d+|\s*\(\d+\))$")
"""Numbers that keep names apart."""
_ROI_SET = re.compile(r"[-_ .]*roi[-_ ]?sets?[-_ .]*", re.IGNORECASE)

# weakseg's own messages report what the library logs about damaged files.
logging.getLogger("roifile").addHandler(logging.NullHandler())


def _is_single(entry: Entry) -> bool:
    """Whether a file is one region, and no archive of regions."""
    return entry.extension == ".roi"


def _claims(entry: Entry) -> bool:
    if _is_single(entry):
        return entry.content[:4] == b"Iout"
    if entry.extension != ".zip":
        return False
    names = _names_in(entry.content)
    return bool(names) and all(name.lower().endswith(".roi") for name in names)


def _names_in(content: bytes) -> list[str]:
    """The files of an archive within a folder; none if it is damaged."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            # A damaged name may be empty, which `is_dir` cannot stand.
            names = [each.filename for each in archive.infolist()]
            return [name for name in names if name and not name.endswith("/") and "__MACOSX" not in name]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error):
        return []


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    needed("roifile", "imagej", f"{entries[0].place}, regions of ImageJ," if entries else "regions of ImageJ")
    ignored: list[Ignored] = []
    images: dict[str, list[Mark]] = {}
    for entry in entries:
        with noted(ignored, entry.place, "file"):
            marks = images.setdefault(_image(entry, sizes), [])
            for stem, place, content in _contents(entry, ignored):
                with noted(ignored, place, "region"):
                    marks += list(marks_of_region(content, stem, place, ignored))
    return Annotations(
        tuple(ImageMarks(name, marks=tuple(marks)) for name, marks in images.items()), (), tuple(ignored)
    )


def _image(entry: Entry, sizes: Sizes) -> str:
    """The image: named like the archive without "RoiSet", like the region, or like their folder."""
    own = entry.folder + entry.stem
    if not _is_single(entry) or is_known(own, sizes):
        folder, name = entry.folder.rstrip("/"), _ROI_SET.sub("", entry.stem)
        return entry.folder + name if name else folder or entry.tree.place.stem
    if isinstance(entry.tree, ZipTree) and not entry.folder:
        return _ROI_SET.sub("", entry.tree.place.stem) or entry.tree.place.resolve().parent.name
    folder = entry.folder.rstrip("/") or entry.tree.place.stem
    before, slash, last = folder.rpartition("/")
    return before + slash + (_ROI_SET.sub("", last) or last)


def _contents(entry: Entry, ignored: list[Ignored]) -> Iterator[tuple[str, str, bytes]]:
    """The name, place and bytes of each region."""
    if _is_single(entry):
        yield entry.stem, entry.place, entry.content
        return
    with zipfile.ZipFile(BytesIO(entry.content)) as archive:
        for name in _names_in(entry.content):
            place = f"{entry.place}/{name}"
            with noted(ignored, place, "region"):
                yield name.rpartition("/")[2].rpartition(".")[0], place, _unpacked(archive, name)


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            content = file.read(_MOST_BYTES + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        ValueError,
        RuntimeError,
        EOFError,
        OSError,
        struct.error,
    ) as error:
        raise DataInvalid(f"damaged: {error}") from error
    if len(content) > _MOST_BYTES:
        raise DataInvalid(f"more than {_MOST_BYTES:,} bytes unpacked")
    return content


def marks_of_region(content: bytes, stem: str, place: str, ignored: list[Ignored]) -> Iterator[Mark]:
    """The marks of a region.

    Args:
        content: its bytes.
        stem: its name, where it has none itself.
        place: its place in the file.
        ignored: points that become no mark are added here.

    Raises:
        DataInvalid: it is damaged, without a class, or on another slice of a stack.
    """
    roi = _parsed(content)
    slices = {"slice": roi.position, "z": roi.z_position, "t": roi.t_position}
    # Slices count from 1. Of an image with channels the first number is that of the channel.
    of_stack = not roi.c_position or roi.z_position or roi.t_position
    above = [f"{name} = {number}" for name, number in slices.items() if number > 1]
    if of_stack and above:
        raise DataInvalid(f"it lies on {', '.join(above)} of a stack")
    label = _label(roi.name or stem, roi.group)
    width = float(roi.float_stroke_width or roi.stroke_width)
    for number, shape in enumerate(_shapes(roi)):
        own = label
        if isinstance(shape, Point) and roi.counters is not None and roi.counters[number]:
            own = f"{label} {roi.counters[number]}"
        if isinstance(shape, Point) and roi.counter_positions is not None and roi.counter_positions[number] > 1:
            ignored.append(Ignored(place, "point", f"it lies on slice {roi.counter_positions[number]} of a stack"))
            continue
        yield Mark(own, shape, width if isinstance(shape, Line) and 0 < width < 1e4 else None, place)


def _parsed(content: bytes) -> Any:
    roifile = needed("roifile", "imagej", "regions of ImageJ")
    if content[:4] != b"Iout":
        raise DataInvalid("it is no region of ImageJ")
    try:
        return roifile.ImagejRoi.frombytes(content)
    except Exception as error:  # damaged files make roifile raise struct.error, ValueError, TypeError ...
        raise DataInvalid(f"damaged: {str(error)[:80]}") from error


def _label(name: str, group: int) -> str:
    """The class: the name without its number, or the group where the name is the program's own."""
    plain = name.strip().removesuffix(".roi")
    if not _AUTOMATIC.match(plain):
        return _NUMBERED.sub("", plain)
    if group > 0:
        return f"group {group}"
    raise DataInvalid(f"it has no class: its name {plain!r} is ImageJ's own, and it has no group")


def _shapes(roi: Any) -> Iterator[Shape]:
    kind, subtype = roi.roitype.name, roi.subtype.name
    if subtype in ("TEXT", "ARROW", "IMAGE") or kind in ("ANGLE", "NOROI", "UNKNOWN"):
        raise DataInvalid(
            f"the kind {(subtype if subtype in ('TEXT', 'ARROW', 'IMAGE') else kind).lower()} marks no class"
        )
    if roi.multi_coordinates is not None:
        # Composite regions may repeat their first vertex at the end, and others do not.
        rings = [_closed(from_xy(path.tolist())) for path in roi.coordinates(multi=True)]
        yield Polygon((tuple(ring for ring in rings if len(ring) > 2),))
    else:
        yield from _KINDS.get(kind, _outline)(roi)


def _closed(ring: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "M 2"]:
    return ring[:-1] if len(ring) > 1 and (ring[0] == ring[-1]).all() else ring


def _bounds(roi: Any) -> Box:
    if roi.subpixelrect:
        return Box(roi.yd, roi.xd, roi.yd + roi.heightd, roi.xd + roi.widthd)
    return Box(roi.top, roi.left, roi.bottom, roi.right)


def _ellipse(roi: Any) -> Ellipse:
    box = _bounds(roi)
    radii = ((box.bottom - box.top) / 2, (box.right - box.left) / 2)
    return Ellipse((box.top + box.bottom) / 2, (box.left + box.right) / 2, *radii)


def _vertices(roi: Any) -> Float[np.ndarray, "N 2"]:
    return from_xy(roi.coordinates().tolist())


def _points(roi: Any) -> Iterator[Shape]:
    return (Point(row, column) for row, column in _vertices(roi).tolist())


def _line(roi: Any) -> list[Shape]:
    whole = roi.subpixel_coordinates is None and not roi.subpixelresolution
    return [Line(_vertices(roi) + 0.5 * whole)]


def _outline(roi: Any) -> list[Shape]:
    points = _vertices(roi)
    turned = roi.subtype.name == "ROTATED_RECT" and len(points) == 4
    return [turned_box(points) if turned else Polygon(((points,),))]


_KINDS: dict[str, Callable[[Any], Iterable[Shape]]] = {
    "RECT": lambda roi: [_bounds(roi)],
    "OVAL": lambda roi: [_ellipse(roi)],
    "POINT": _points,
    "LINE": _line,
    "FREELINE": _line,
    "POLYLINE": _line,
}


IMAGEJ = Format("ImageJ", _claims, _read, ignores_exif=True)
