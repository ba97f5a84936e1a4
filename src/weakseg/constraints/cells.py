"""Grid cells of one view, its labels and valid bounds.

Everything is on the CPU and in float64: rows are few, and their bounds must not carry rounding.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.errors import EvidenceInvalid
from weakseg.grids.pooling import share_per_cell
from weakseg.types import ABSENT, PRESENT, UNTOLD, WeakLabels

ROUNDING = 1e-6
"""Excess above 1 that a fraction may have: products of fractions are rounded, in single precision too."""


@dataclass(frozen=True)
class Cells:
    """One image's grid and the labels for its rows.

    Counts are in cells of the grid.
    """

    valid: Float[Tensor, "h w"]
    """Valid fraction of each cell."""
    visible: float
    """Fraction of the whole image's valid pixels that this view shows, in [0, 1]."""
    size: tuple[int, int]
    """Rows and columns of the view, in pixels."""
    tags: Int[Tensor, " C"]
    areas: Float[Tensor, "C 2"]
    boxes: Float[Tensor, "_ 5"]
    """Annotated boxes (class, top, left, bottom, right), in pixels of the view."""
    window: Float[Tensor, "2 3"]
    """Affine map from (row, column, 1) in this view to (row, column) in the whole image."""

    @property
    def shown(self) -> float:
        """Number of valid cells in this view."""
        return float(self.valid.sum())

    @property
    def whole(self) -> float:
        """Number of valid cells in the whole image.

        Cells are as large as in this view.
        """
        return self.shown / self.visible if self.visible > 0 else 0.0

    def bounds_here(
        self, weights: Float[Tensor, " C"], lower: float, upper: float
    ) -> tuple[float | None, float | None]:
        r"""Bounds in cells that hold for this view, equation `crop-bounds`.

        The image's weighted fraction lies in [lower, upper].

        The part outside the view can hold at most its own size times the largest weight, and at least that times the
        smallest: with n' of n valid cells shown, a count that is at least l in the image is at least l - (n - n') here.
        `None` where the bound becomes vacuous.
        """
        outside, most, least = self.whole - self.shown, float(weights.max()), float(weights.min())
        # What is hidden may be all of the heaviest class (so little is left to demand here) or all of the lightest (so
        # much is left to allow).
        low, high = lower * self.whole - most * outside, upper * self.whole - least * outside
        # Rounding of the areas (float32) must not turn an empty bound into a row.
        slack = 1e-6 * max(self.whole, 1e-6)
        return (
            low if low > least * self.shown + slack else None,
            high if high < most * self.shown - slack else None,
        )

    def cover(self, box: Float[Tensor, " 4"]) -> Float[Tensor, "h w"]:
        """Fraction of each cell inside a box, valid or not.

        Boxes are (top, left, bottom, right), in pixels of the view.
        """
        return overlap(box[0::2], self.valid.shape[0], self.size[0])[:, None] * overlap(
            box[1::2], self.valid.shape[1], self.size[1]
        )

    def here(self, box: Float[Tensor, " 4"]) -> Float[Tensor, " 4"]:
        """A box of the whole image, in pixels of this view.

        A rule about places is true of crops, zooms and flips when it asks `cover` about this box.
        """
        # Windows do not rotate, so a box stays one. Edges lie half a pixel before the first centre inside.
        # Flips have a negative scale, so the two ends may have changed places: hence the minimum and maximum below.
        scale, start = self.window[:, :2].diagonal(), self.window[:, 2]
        ends = (box.double().reshape(2, 2) - 0.5 - start) / scale + 0.5
        return torch.cat([ends.amin(0), ends.amax(0)])


def overlap(span: Float[Tensor, " 2"], cells: int, pixels: int) -> Float[Tensor, " cells"]:
    """Fraction of each cell inside a half-open range.

    Cells divide an axis of `pixels` pixels equally.
    """
    # In float64: edges of cells that do not divide the image must not touch a box by rounding alone.
    edges = torch.arange(cells + 1, dtype=torch.float64) * (pixels / cells)
    inside = edges[1:].minimum(span[1].double()) - edges[:-1].maximum(span[0].double())
    return inside.clamp(min=0) * (cells / pixels)


def cells_of(weak: WeakLabels, grid: tuple[int, int]) -> list[Cells]:
    """The grid over each image of a batch.

    Raises:
        EvidenceInvalid: labels are invalid; the image is named.
    """
    require_valid(weak)
    valid = share_per_cell(weak.valid, grid).double().cpu()
    visible = weak.visible_share.tolist()
    tags, areas = weak.tags.cpu(), weak.areas.double().cpu()
    boxes, window = [each.double().cpu() for each in weak.boxes], weak.window.double().cpu()
    size = (weak.valid.shape[1], weak.valid.shape[2])
    return [Cells(valid[i], visible[i], size, tags[i], areas[i], boxes[i], window[i]) for i in range(len(valid))]


def require_valid(weak: WeakLabels) -> None:
    """Refuse tags, sizes and boxes that are invalid.

    Raises:
        EvidenceInvalid: a tag is none of the three, a size is not a fraction of the image, or a box is of an unknown
            class; the image is named.
    """
    images, classes = weak.tags.shape
    boxes = [tuple(each.shape) for each in weak.boxes]
    if weak.areas.shape != (images, classes, 2) or len(boxes) != images or any(shape[1:] != (5,) for shape in boxes):
        raise EvidenceInvalid(
            f"Tags of {(images, classes)} beside sizes of {tuple(weak.areas.shape)} and boxes of {boxes}.",
            expected=f"sizes of {(images, classes, 2)}, and boxes of five numbers each for each of {images} images",
        )
    # Copied to the CPU at once: on an accelerator each test would wait for the device.
    tags, areas = weak.tags.cpu(), weak.areas.cpu()
    low, high = areas.unbind(2)
    known = (tags == PRESENT) | (tags == ABSENT) | (tags == UNTOLD)
    _refuse(~known, tags, "tag", "1 (present), 0 (absent) or -1 (untold)")
    shares = (low >= 0) & (low <= high) & (high <= 1 + ROUNDING)
    _refuse(~shares, areas, "size", "the smallest and the largest fraction of the image, in order, from 0 to 1")
    every = torch.cat(weak.boxes).cpu()
    label = every[:, 0]
    sound = (label >= 0) & (label < classes) & (label == label.round()) & (every[:, 1:3] <= every[:, 3:]).all(1)
    if not sound.all():
        image = torch.arange(images).repeat_interleave(torch.tensor([len(boxes) for boxes in weak.boxes]))[~sound][0]
        raise EvidenceInvalid(
            f"A box of image {image} of the batch (counted from 0) is {every[~sound][0].tolist()}.",
            expected=f"a class from 0 to {classes - 1}, top, left, bottom, right, in this order",
            fix="Correct the box, or give the network an output for its class.",
        )


def _refuse(wrong: Bool[Tensor, "B C"], values: Tensor, name: str, expected: str) -> None:
    if wrong.any():
        image, k = wrong.nonzero()[0].tolist()
        found = (
            f"The {name} of class {k} in image {image} of the batch (counted from 0) is {values[image, k].tolist()}."
        )
        raise EvidenceInvalid(found, expected=expected)


def require_class(index: int | None, classes: int, name: str) -> None:
    """Refuse a setting that names an unknown class.

    Classes count from 0; `None` names none.

    Raises:
        EvidenceInvalid: it does not exist.
    """
    if index is not None and not 0 <= index < classes:
        raise EvidenceInvalid(
            f"The {name} is class {index}, but there are {classes} classes.",
            expected=f"a class from 0 to {classes - 1}",
            fix="Give the number of the background among the network's outputs.",
        )
