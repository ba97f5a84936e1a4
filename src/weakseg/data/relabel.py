"""Samples with other weak labels.

Readers and simulators build their samples here.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from weakseg.data.sample import Sample, Stroke
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD


def relabelled(
    sample: Sample,
    n_classes: int,
    *,
    seeds: Int[np.ndarray, "H W"] | None = None,
    strokes: tuple[Stroke, ...] = (),
    tags: Int[np.ndarray, " C"] | None = None,
    areas: Float[np.ndarray, "C 2"] | None = None,
    boxes: Float[np.ndarray, "N 5"] | None = None,
) -> Sample:
    """The sample with new weak labels instead of its own.

    What is left out is unlabelled. A class in seeds, strokes or boxes is present unless the tags say otherwise.
    """
    seeds = np.full(sample.valid.shape, UNLABELED) if seeds is None else seeds
    boxes = np.zeros((0, 5)) if boxes is None else boxes
    tags = np.full(n_classes, UNTOLD) if tags is None else tags
    drawn = marked_classes(seeds, strokes, boxes, n_classes)
    return replace(
        sample,
        seeds=seeds,
        strokes=strokes,
        # Only untold tags: where a table says absent and a mark says present, the check reports it and nothing is
        # decided here.
        tags=np.where((tags == UNTOLD) & drawn, PRESENT, tags),
        areas=np.tile([0.0, 1.0], (n_classes, 1)) if areas is None else areas,
        boxes=boxes,
    )


def marked_classes(
    seeds: Int[np.ndarray, "H W"], strokes: tuple[Stroke, ...], boxes: Float[np.ndarray, "N 5"], n_classes: int
) -> Bool[np.ndarray, " C"]:
    """The classes with a seed, stroke or box."""
    # UNLABELED is -1, so it marks the last entry, which is dropped.
    marked = np.zeros(n_classes + 1, bool)
    marked[seeds] = True
    marked = marked[:-1]
    marked[[stroke.label for stroke in strokes]] = True
    marked[boxes[:, 0].astype(int)] = True
    return marked


def fully_labelled(
    key: str, image: Float[np.ndarray, "M H W"], truth: Int[np.ndarray, "H W"], n_classes: int
) -> Sample:
    """A sample whose whole mask is its training label.

    Every class without a pixel is absent.
    """
    shares = np.bincount(truth.ravel() + 1, minlength=n_classes + 1)[1:]
    return Sample(
        key=key,
        image=image,
        seeds=truth,
        valid=truth != UNLABELED,
        strokes=(),
        tags=np.where(shares > 0, PRESENT, ABSENT),
        areas=np.tile([0.0, 1.0], (n_classes, 1)),
        boxes=np.zeros((0, 5)),
        truth=truth,
        volume=key,
    )
