"""Pooling of pixel values to the cells of a grid."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from weakseg.types import UNLABELED, WeakLabels, refuse_strange_labels


def share_per_cell(mask: Bool[Tensor, "B H W"], size: tuple[int, ...]) -> Float[Tensor, "B h w"]:
    """Fraction of each cell that a mask covers.

    It counts as `classes_per_cell` does.

    Each pixel is of one cell, so that no pixel counts twice where the grid does not divide the image; cells then
    hold unequal numbers of pixels, and shares are of their mean.
    """
    return pooled(mask.float(), size)


def pooled(values: Float[Tensor, "*B H W"], size: tuple[int, ...]) -> Float[Tensor, "*B h w"]:
    """Sums per cell, divided by the mean pixels per cell."""
    height, width = values.shape[-2:]
    if (height, width) == tuple(size):
        return values
    # Two matrix products instead of adaptive pooling: each pixel counts in one cell only.
    # Cells are numbered by integer division of pixel indices, as in `classes_per_cell`: both have to give a pixel to
    # the same cell.
    row, column = (
        F.one_hot(torch.arange(pixels, device=values.device) * cells // pixels, cells).to(values)
        for pixels, cells in ((height, size[0]), (width, size[1]))
    )
    return (row.T @ values @ column) * (size[0] * size[1] / (height * width))


def side_in_cells(weak: WeakLabels, grid: tuple[int, int]) -> Float[Tensor, " B"]:
    """Side of an equally large square image, in cells.

    The area is the valid part of the whole image; the cells are those of this view's grid.
    """
    # From the whole image's area and not the view's, so that a crop has its image's scale.
    in_view = weak.whole_valid.clamp(min=1) / torch.linalg.det(weak.window[:, :, :2]).abs()
    height, width = weak.valid.shape[1:]
    return (in_view * (grid[0] * grid[1] / (height * width))).sqrt()


def classes_per_cell(labels: Int[Tensor, "B H W"], classes: int, grid: tuple[int, int]) -> Float[Tensor, "B C h w"]:
    """Fraction of each cell that each class covers.

    `UNLABELED` pixels belong to none.

    One scatter over labelled pixels; pooling a map for every class would cost C x H x W.

    Raises:
        EvidenceInvalid: a label that is no class: it would be counted in another image.
    """
    refuse_strange_labels(labels, classes, "labels")
    height, width = labels.shape[1:]
    labelled = labels != UNLABELED
    image, row, column = labelled.nonzero().T
    cell = (row * grid[0] // height) * grid[1] + column * grid[1] // width
    # A number for each image, class and cell, counted in one pass.
    at = (image * classes + labels[labelled]) * (grid[0] * grid[1]) + cell
    count = at.bincount(minlength=len(labels) * classes * grid[0] * grid[1])
    return count.reshape(len(labels), classes, *grid).float() * (grid[0] * grid[1] / (height * width))
