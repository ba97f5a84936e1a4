"""ImageJ and Fiji: regions that a TIFF holds itself, as its overlay and its selection.

A folder or archive is looked through if it holds TIFFs alone.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import tifffile

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.extras import needed
from weakseg.formats.format import Format, Sizes, noted
from weakseg.formats.science.imagej import marks_of_region
from weakseg.formats.science.label_layers import are_tiffs_alone, has_overlay
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark


def _claims(entry: Entry) -> bool:
    if not are_tiffs_alone(entry):
        return False
    try:
        with tifffile.TiffFile(BytesIO(entry.content)) as file:
            return bool(file.is_imagej) and has_overlay(file)
    except Exception:  # damaged files make tifffile raise errors of many kinds
        return False


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    needed("roifile", "imagej", f"{entries[0].place}, regions of ImageJ," if entries else "regions of ImageJ")
    ignored: list[Ignored] = []
    images: list[ImageMarks] = []
    for entry in entries:
        marks: list[Mark] = []
        with noted(ignored, entry.place, "file"):
            for number, content in enumerate(_regions(entry), start=1):
                place = f"{entry.place}, region {number}"
                with noted(ignored, place, "region"):
                    marks += list(marks_of_region(content, "", place, ignored))
        images.append(ImageMarks(entry.folder + entry.stem, marks=tuple(marks)))
    return Annotations(tuple(images), ignored=tuple(ignored))


def _regions(entry: Entry) -> Iterator[bytes]:
    """The regions of the overlay, then the selection, which repeats one of them or is the last."""
    try:
        with tifffile.TiffFile(BytesIO(entry.content)) as file:
            stored: dict[str, Any] = file.imagej_metadata or {}
    except Exception as error:  # damaged files make tifffile raise errors of many kinds
        raise DataInvalid(f"damaged: {str(error)[:80]}") from error
    overlays, selection = stored.get("Overlays") or [], stored.get("ROI")
    several = overlays if isinstance(overlays, list) else [overlays]
    yield from dict.fromkeys(each for each in (*several, selection) if isinstance(each, bytes))


IMAGEJ_OVERLAY = Format("ImageJ overlay", _claims, _read, ignores_exif=True)
