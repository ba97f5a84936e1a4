"""Label Studio: one JSON file of predictions, a brush for each class of each image."""

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Bool, UInt8

from weakseg.formats.codes import run_lengths
from weakseg.formats.writers.segmented import Segmented

_LONGEST = 2**16
"""Longest run that one entry of the code holds, in bytes."""


def write_label_studio(images: Iterable[Segmented], classes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """One file, `predictions.json`, to be imported into a project.

    Its labelling interface needs `<Image name="image" value="$image"/>` and `<BrushLabels name="tag" toName="image">`.
    """
    tasks = [
        {"data": {"image": image.name}, "predictions": [{"result": list(brushes(image, classes))}]} for image in images
    ]
    yield "predictions.json", json.dumps(tasks).encode()


def brushes(image: Segmented, classes: Sequence[str], control: str = "tag", shown: str = "image") -> Iterator[dict]:
    """A brush for each class of an image.

    Args:
        image: the image.
        classes: names of the classes.
        control: name of the interface's BrushLabels.
        shown: name of its Image.
    """
    height, width = image.labels.shape
    for label, *_ in image.masks():
        code = packed(image.labels == label)
        yield {
            "id": f"{classes[label]}-{label}",
            "type": "brushlabels",
            "from_name": control,
            "to_name": shown,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {"format": "rle", "rle": code.tolist(), "brushlabels": [classes[label]]},
        }


def packed(mask: Bool[np.ndarray, "H W"]) -> UInt8[np.ndarray, " N"]:
    """A mask in Label Studio's run lengths.

    The code is that of rle-pack: the number of values in 32 bits, their size less 1 in 5, four sizes of runs less 1 in
    4 bits each; then entries of 1 bit (a run), 2 bits (which size), the length less 1 and the value. Here every entry
    is a run of the largest size, 16 bits, and all four channels of a pixel have one value.
    """
    runs = 4 * np.array(run_lengths(mask.ravel()))
    pieces = -(-runs // _LONGEST)
    lengths = np.full(pieces.sum(), _LONGEST)
    lasts = np.cumsum(pieces)[pieces > 0] - 1
    lengths[lasts] = (runs - (pieces - 1) * _LONGEST)[pieces > 0]
    values = np.repeat(np.arange(len(runs)) % 2 * 255, pieces)
    head = _bits([4 * mask.size], 32), _bits([8 - 1], 5), _bits([3 - 1, 4 - 1, 8 - 1, 16 - 1], 4)
    entries = np.concatenate([np.tile([1, 1, 1], (len(lengths), 1)), _bits(lengths - 1, 16), _bits(values, 8)], axis=1)
    return np.packbits(np.concatenate([part.ravel() for part in (*head, entries)]).astype(np.uint8))


def _bits(numbers, width: int) -> np.ndarray:
    """The bits of each number, the highest first."""
    return np.asarray(numbers)[:, None] >> np.arange(width - 1, -1, -1) & 1
