"""ImageJ and Fiji: a set of regions an image, a region for each class."""

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from jaxtyping import Bool, Float

from weakseg.errors import DataInvalid
from weakseg.formats.extras import needed
from weakseg.formats.writers.outlines import outlines
from weakseg.formats.writers.segmented import Segmented

_LARGEST = 2**15 - 1
"""Largest coordinate of a region's frame."""
_NUMBERED = re.compile(r"\d\)?$")
"""Names whose end is taken for a number that keeps names apart."""
_UNUSUAL = re.compile(r"[^\w .()-]")
"""Letters that names of files should not have."""
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0
"""Commands of paths."""


def write_imagej(images: Iterable[Segmented], classes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """An archive for each image, to be opened with it; the ROI manager then has the regions.

    Raises:
        DataInvalid: the package roifile is not installed, or an image is too large for the format.
    """
    roifile = needed("roifile", "imagej", "regions of ImageJ")
    for image in images:
        if max(image.labels.shape) > _LARGEST:
            found = f"{image.name} has {' x '.join(map(str, image.labels.shape))} pixels"
            raise DataInvalid(
                found, expected=f"at most {_LARGEST} a side for regions of ImageJ", fix="use --format qupath"
            )
        stream = BytesIO()
        with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
            for label, top, left, mask in image.masks():
                name = classes[label]
                # Readers drop a number at the end, which the program adds to names that exist already.
                name = f"{name}_1" if _NUMBERED.search(name) else name
                path = _path(mask, top, left)
                region = roifile.ImagejRoi(
                    roitype=roifile.ROI_TYPE.RECT,
                    name=name,
                    top=top,
                    left=left,
                    bottom=top + mask.shape[0],
                    right=left + mask.shape[1],
                    multi_coordinates=path,
                    shape_roi_size=len(path),
                )
                # The ROI manager shows the name of the entry.
                plain = _UNUSUAL.sub("_", name)
                plain = f"{plain}_{label}" if f"{plain}.roi" in archive.namelist() else plain
                archive.writestr(ZipInfo(f"{plain}.roi", (1980, 1, 1, 0, 0, 0)), region.tobytes())
        yield f"{PurePosixPath(image.name).stem}.zip", stream.getvalue()


def _path(mask: Bool[np.ndarray, "h w"], top: int, left: int) -> Float[np.ndarray, " N"]:
    """All outlines as one path: commands, each followed by x and y."""
    pieces: list[np.ndarray] = []
    for ring in (ring for part in outlines(mask) for ring in part):
        steps = np.full((len(ring), 3), _LINE, np.float32)
        steps[0, 0] = _MOVE
        steps[:, 1:] = ring[:, ::-1] + (left, top)
        pieces += [steps.ravel(), np.array([_CLOSE], np.float32)]
    return np.concatenate(pieces)
