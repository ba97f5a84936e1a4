"""napari: a label layer an image, and what its numbers mean."""

import json
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import PurePosixPath

import numpy as np
import tifffile

from weakseg.formats.writers.segmented import Segmented


def write_napari(images: Iterable[Segmented], classes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """A TIFF for each image in `labels/`, whose numbers count from 1, and `labels/dataset.toml`.

    Opened by `napari IMAGE --layer-type image labels/NAME.tif --layer-type labels`, or dropped into a window and
    converted to labels.
    """
    lines = ["# What the label layers beside this file hold, as a data folder declares it."]
    lines += [
        f"classes = {json.dumps(list(classes), ensure_ascii=False)}",
        "first_value = 1",
        "unlabeled = 0",
        "void = 0",
    ]
    yield "labels/dataset.toml", "\n".join([*lines, ""]).encode()
    kind = np.uint8 if len(classes) < 256 else np.uint16
    for image in images:
        stream = BytesIO()
        tifffile.imwrite(stream, (image.labels + 1).astype(kind), compression="zlib", metadata=None)
        yield f"labels/{PurePosixPath(image.name).stem}.tif", stream.getvalue()
