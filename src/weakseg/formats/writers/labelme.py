"""LabelMe: a JSON file an image, a mask for each class."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import PurePosixPath

from PIL import Image

from weakseg.formats.writers.segmented import Segmented


def write_labelme(images: Iterable[Segmented], classes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """A file beside each other, named after the images."""
    for image in images:
        height, width = image.labels.shape
        content = {
            "version": "6.3.1",
            "flags": {},
            "shapes": [_shape(classes[label], top, left, mask) for label, top, left, mask in image.masks()],
            "imagePath": image.path or image.name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        yield f"{PurePosixPath(image.name).stem}.json", json.dumps(content, indent=1).encode()


def _shape(label: str, top: int, left: int, mask) -> dict:
    stream = BytesIO()
    Image.fromarray(mask).save(stream, format="PNG")
    height, width = mask.shape
    return {
        "label": label,
        # The corners are those of its first and its last pixel.
        "points": [[float(left), float(top)], [float(left + width - 1), float(top + height - 1)]],
        "group_id": None,
        "description": "",
        "shape_type": "mask",
        "flags": {},
        "mask": b64encode(stream.getvalue()).decode(),
    }
