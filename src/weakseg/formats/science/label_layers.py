"""Label layers: TIFFs of the size of their image, whose numbers are classes.

So save napari and convpaint, and maps of land cover. What holds no class is the number that the file itself declares
for no data, else 0. A folder or archive is taken for label layers if it holds TIFFs alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from zlib import compress, decompress

import numpy as np
import tifffile
from jaxtyping import Bool, Shaped

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.formats.georeference import grid_of
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Mask

TIFFS = (".tif", ".tiff")
_BESIDE = (*TIFFS, ".tfw", ".xml", ".qml", ".toml")
"""Files that may lie among label layers: places, styles, declarations."""
_MOST_CLASSES = 64
"""More numbers are those of a photo, or of objects."""
_ADDED = re.compile(r"[-_. ](annotations?|labels?|masks?|scribbles?|seg|segmentation)$", re.IGNORECASE)
"""What people add to the name of an image."""
_PLACED = (33550, 33922, 34264)
"""Tags that place pixels on the ground."""
_NODATA = 42113


@dataclass(frozen=True)
class NumberOf:
    """The pixels of a number, in a packed layer that all its numbers share."""

    packed: bytes
    number: int
    """Place among the numbers of the layer."""

    def __repr__(self) -> str:
        return f"NumberOf({len(self.packed)} bytes, {self.number})"

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The mask."""
        return np.frombuffer(decompress(self.packed), np.uint8).reshape(height, width) == self.number


def are_tiffs_alone(entry: Entry) -> bool:
    """Whether a file is a TIFF among TIFFs, which are then no photos beside their annotations."""
    return entry.extension in TIFFS and all(name.lower().endswith(_BESIDE) for name in entry.tree.names)


def _claims(entry: Entry) -> bool:
    if not are_tiffs_alone(entry):
        return False
    try:
        with tifffile.TiffFile(BytesIO(entry.content)) as file:
            return _is_layer(file) and not (file.is_imagej and has_overlay(file))
    except Exception:  # damaged files make tifffile raise errors of many kinds
        return False


def has_overlay(file: Any) -> bool:
    """Whether ImageJ stored regions in an opened TIFF."""
    stored = file.imagej_metadata or {}
    return bool(stored.get("Overlays") or stored.get("ROI"))


def _is_layer(file: Any) -> bool:
    page = file.pages[0]
    return len(file.pages) == 1 and page.samplesperpixel == 1 and page.dtype is not None and page.dtype.kind in "ui"


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images: list[ImageMarks] = []
    notes: dict[str, None] = {}
    for entry in entries:
        with noted(ignored, entry.place, "label layer"):
            image, note = _image(entry, sizes)
            images.append(image)
            notes[note] = None
    return Annotations(tuple(images), ignored=tuple(ignored), notes=tuple(notes))


def _image(entry: Entry, sizes: Sizes) -> tuple[ImageMarks, str]:
    """The marks of an image, and what holds no class."""
    name = entry.folder + entry.stem
    plain = entry.folder + _ADDED.sub("", entry.stem)
    name = plain if not is_known(name, sizes) and is_known(plain, sizes) else name
    try:
        with tifffile.TiffFile(BytesIO(entry.content)) as file:
            page: Any = file.pages[0]
            size = (int(page.imagelength), int(page.imagewidth))
            nodata, is_placed = page.tags.get(_NODATA), any(code in page.tags for code in _PLACED)
            if sizes(name) is None:
                raise DataInvalid(f"there is no image called {name}")
            if sizes(name) != size:
                # Told once an image is known to be of another size, before anything is unpacked.
                return ImageMarks(name, size), ""
            layer = page.asarray()
    except DataInvalid:
        raise
    except Exception as error:  # damaged files make tifffile raise errors of many kinds
        raise DataInvalid(f"damaged: {str(error)[:80]}") from error
    ground = None
    if is_placed and (grid := grid_of(entry.content, entry.place)):
        ground = (grid.crs, grid.affine)
    empty, note = _without_class(nodata)
    return ImageMarks(name, size, tuple(_marks(layer, empty, entry.place)), ground=ground), note


def _without_class(nodata: Any) -> tuple[float, str]:
    """The number of pixels without a class, and a sentence on it."""
    try:
        empty = float(str(nodata.value).strip(" \0"))
    except (AttributeError, ValueError):  # no tag, or one without a number
        return 0.0, "In label layers 0 is no class, since their files declare no number for no data."
    return empty, "In label layers the number that a file declares for no data is no class."


def _marks(layer: Shaped[np.ndarray, "H W"], empty: float, place: str) -> list[Mark]:
    numbers, places = np.unique(layer, return_inverse=True)
    if len(numbers) > _MOST_CLASSES:
        raise DataInvalid(
            f"it has {len(numbers):,} numbers, of objects or of a photo; classes have {_MOST_CLASSES} at most"
        )
    height, width = layer.shape
    packed = compress(places.astype(np.uint8).tobytes(), 1)
    return [
        Mark(str(number), Mask(0, 0, height, width, NumberOf(packed, index)), source=place)
        for index, number in enumerate(numbers.tolist())
        if number != empty
    ]


LABEL_LAYERS = Format("Label layers", _claims, _read)
