"""Rows of small images: input, labels, and results."""

import base64
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from weakseg.data.images.label_file import palette
from weakseg.data.overlay import as_rgb, boxed, hatched, marked, resized, resized_labels, tinted
from weakseg.data.sample import Sample
from weakseg.data.view import view, whole
from weakseg.report.marks_drawn import Overlay
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD, Classes

SIDE_PX = 320
"""Longer side of a small image in pixels."""
_JPEG_QUALITY = 80

Colors = UInt8[np.ndarray, "C 3"]


@dataclass(frozen=True)
class Panel:
    """A small image with its caption."""

    title: str
    uri: str
    """The image as a data URI."""
    marks: Overlay | None = None
    """Marks drawn over it."""


@dataclass(frozen=True)
class Row:
    """One image of the dataset, shown in several ways."""

    title: str
    notes: tuple[str, ...]
    panels: tuple[Panel, ...]


def row(
    sample: Sample,
    classes: Classes,
    segmentations: dict[str, Int[np.ndarray, "H W"]],
    notes: tuple[str, ...] = (),
    labelled: dict[str, Sample] | None = None,
    marks: Overlay | None = None,
) -> Row:
    """A row of panels for one image.

    It shows the image, its weak labels if it has any, segmentations by caption, and the truth if it is known.

    `labelled` holds the same image with other labels, by caption; the default is the sample's own. `marks` are shown as
    they were drawn.
    """
    size, colors = _small_size(sample.valid.shape), palette(len(classes))
    image = resized(as_rgb(sample.image), size)
    panels = [Panel("image", data_uri(image))]
    if marks is not None:
        panels.append(Panel("marks as drawn", panels[0].uri, marks))
    for title, each in (labelled or {"weak labels": sample}).items():
        if (weak := weak_labels(each, image, colors)) is not None:
            panels.append(Panel(title, data_uri(weak)))
    if sample.truth is not None:
        segmentations = {**segmentations, "truth": sample.truth}
    for title, labels in segmentations.items():
        small = resized_labels(labels, size)
        panels.append(Panel(title, data_uri(hatched(tinted(image, small, colors), small == UNLABELED))))
    return Row(sample.key, (*notes, *tags_and_sizes(sample, classes)), tuple(panels))


def weak_labels(sample: Sample, image: UInt8[np.ndarray, "h w 3"], colors: Colors) -> UInt8[np.ndarray, "h w 3"] | None:
    """Weak labels drawn on a resized image, void hatched.

    `None` where the image has no weak labels, or only a full mask.
    """
    seeds = view(sample, whole(), sample.valid.shape).weak.seeds[0].numpy()
    masked = sample.truth is not None and np.array_equal(seeds, sample.truth)
    if not len(sample.boxes) and (masked or (seeds == UNLABELED).all()):
        return None
    size = image.shape[:2]
    drawn = marked(image, resized_labels(seeds, size), colors)
    void = resized_labels(np.where(sample.valid, UNLABELED, 0), size) != UNLABELED
    boxes = sample.boxes.astype(float)
    boxes[:, 1:] *= np.tile(np.array(size) / sample.valid.shape, 2)
    return boxed(hatched(drawn, void), boxes, colors)


def tags_and_sizes(sample: Sample, classes: Classes) -> tuple[str, ...]:
    """Tags and sizes in words.

    A fully labelled image has none: its tags follow from its mask.
    """
    if not (sample.valid & (sample.seeds == UNLABELED)).any():
        return ()
    names = np.array(classes.names)
    words = [f"shows {', '.join(names[sample.tags == PRESENT])}"] if (sample.tags == PRESENT).any() else []
    if (sample.tags != UNTOLD).all():
        words.append("nothing else")
    elif (sample.tags == ABSENT).any():
        words.append(f"no {', '.join(names[sample.tags == ABSENT])}")
    bounded = np.flatnonzero((sample.areas != [0, 1]).any(1))
    sizes = (f"{names[i]} {sample.areas[i, 0]:.0%} to {sample.areas[i, 1]:.0%}" for i in bounded)
    return (*words, *sizes)


def data_uri(image: UInt8[np.ndarray, "H W 3"]) -> str:
    """An image as a JPEG data URI."""
    file = BytesIO()
    # Subsampled colour would smear thin scribbles.
    Image.fromarray(image).save(file, format="JPEG", quality=_JPEG_QUALITY, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def spread(length: int, most: int) -> list[int]:
    """At most `most` indices, evenly spread over a sequence."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(int)).tolist()


def _small_size(size: tuple[int, ...]) -> tuple[int, int]:
    scale = SIDE_PX / max(size)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
