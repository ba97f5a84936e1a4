"""Views of samples: an affine window of image and labels.

Images are sampled bilinearly, label maps by nearest neighbour, boxes and strokes as geometry, so that a scribble keeps
its pen width and a box stays sharp at any zoom.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from weakseg.data.sample import Sample
from weakseg.data.soft_target import SoftTarget, soft_seen
from weakseg.data.stroke import draw_into
from weakseg.types import UNLABELED, Batch, WeakLabels


def whole() -> Float[np.ndarray, "2 3"]:
    """The window that shows an image unchanged."""
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def view(
    sample: Sample,
    window: Float[np.ndarray, "2 3"],
    size: tuple[int, int],
    remembered: Int[np.ndarray, "H W"] | SoftTarget | None = None,
) -> Batch:
    """The batch of one that a window shows.

    Args:
        sample: the image and its labels.
        window: maps (row, column, 1) in the view to (row, column) in the image; axes may flip and stretch,
            not rotate, because a rotated box is no longer tight.
        size: rows and columns of the view.
        remembered: the stored target of the whole image, as labels or probabilities.
    """
    take = partial(seen, window=window, size=size)
    valid = take(sample.valid, outside=False)
    seeds = take(sample.seeds, outside=UNLABELED)
    inverse = _inverse(window)
    for stroke in sample.strokes:
        # Only the path is zoomed. A pen of three pixels stays one of three pixels: what a zoom adds beside it was never
        # labelled.
        points = stroke.points @ inverse[:, :2].T + inverse[:, 2]
        # Strokes lie on top of the label map, in the order in which they were drawn.
        draw_into(seeds, points, stroke.width_px, stroke.label)
    weak = WeakLabels(
        # A stroke may run over void; marks there are none.
        seeds=_one(np.where(valid, seeds, UNLABELED).astype(np.int64)),
        valid=_one(valid),
        tags=_one(sample.tags.astype(np.int64)),
        areas=_one(sample.areas.astype(np.float32)),
        boxes=(torch.from_numpy(_move_boxes(sample.boxes, inverse).astype(np.float32)),),
        window=_one(window.astype(np.float32)),
        # Counted in the image and not in the view: sizes are fractions of this number.
        whole_valid=torch.tensor([int(sample.valid.sum())]),
    )
    if remembered is None:
        targets = None
    elif isinstance(remembered, SoftTarget):
        targets = _one(soft_seen(remembered, window, size, len(sample.tags)))
    else:
        targets = _one(take(remembered, outside=UNLABELED).astype(np.int64))
    return Batch(_sample_image(sample.image, window, size), weak, keys=(sample.key,), targets=targets)


def seen(
    labels: Shaped[np.ndarray, "H W"], window: Float[np.ndarray, "2 3"], size: tuple[int, int], outside: int | bool
) -> Shaped[np.ndarray, "h w"]:
    """The part of a label map that a window shows.

    Sampled by nearest neighbour at the given (height, width).
    """
    rows, columns, inside = _source(window, size, labels.shape)
    return np.where(inside, labels[rows, columns], outside)


def _one(array: Shaped[np.ndarray, "..."]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))[None]


def _source(window, size, source_size):
    """Source rows and columns of every pixel of a view.

    The nearest ones, clipped to the image, and whether each pixel lay inside it. Rows and columns are independent
    because windows do not rotate, which makes label maps cheap to move.
    """
    lines, inside = [], []
    for axis in (0, 1):
        # Halves always round up: `np.round` rounds every second one down, which would repeat and skip pixels.
        at = np.floor(window[axis, axis] * np.arange(size[axis]) + window[axis, 2] + 0.5).astype(int)
        inside.append((at >= 0) & (at < source_size[axis]))
        lines.append(np.clip(at, 0, source_size[axis] - 1))
    return lines[0][:, None], lines[1][None, :], inside[0][:, None] & inside[1][None, :]


def _inverse(window: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "2 3"]:
    back = np.linalg.inv(window[:, :2])
    return np.concatenate([back, -back @ window[:, 2:]], axis=1)


def _move_boxes(boxes: Float[np.ndarray, "N 5"], inverse: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "N 5"]:
    """Boxes in the coordinates of a view.

    Their edges lie between pixels, half a pixel before the first centre inside.
    """
    corners = boxes[:, 1:].reshape(-1, 2, 2) - 0.5
    moved = corners @ inverse[:, :2].T + inverse[:, 2] + 0.5
    return np.concatenate([boxes[:, :1], moved.min(1), moved.max(1)], axis=1)


def _sample_image(image: Float[np.ndarray, "M H W"], window, size) -> Float[Tensor, "1 M h w"]:
    """The image in a window, sampled bilinearly.

    Outside the image lies its mean colour, so that padding has no visible edge.
    """
    row, column = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    to = torch.from_numpy(window).float()
    at = to[:, :2] @ torch.stack([row, column]).flatten(1).float() + to[:, 2:]
    extent = torch.tensor(image.shape[1:]).float()[:, None]
    # grid_sample counts (x, y) from -1 to 1 between the image's edges, not between its outer centres.
    grid = ((2 * at + 1) / extent - 1).flip(0).T.reshape(1, *size, 2)
    picture = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None]
    mean = picture.mean((2, 3), keepdim=True)
    # Less the mean, so that the zeros of the padding are the mean colour.
    return F.grid_sample(picture - mean, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + mean


def _grown(image: Float[Tensor, "1 M h w"], height: int, width: int) -> Float[Tensor, "1 M H W"]:
    """An image padded to the right and below.

    Padding has the mean colour.
    """
    canvas = image.mean((2, 3), keepdim=True).expand(-1, -1, height, width).clone()
    canvas[:, :, : image.shape[2], : image.shape[3]] = image
    return canvas


def of_one_size(views: list[Batch]) -> tuple[Batch, ...]:
    """Batches of views of equal size, without padding.

    They are in the order of the first view of each size.
    """
    sizes: dict[tuple[int, ...], list[Batch]] = {}
    for each in views:
        sizes.setdefault(tuple(each.image.shape), []).append(each)
    return tuple(collate(group) for group in sizes.values())


def together(views: list[Batch]) -> tuple[Batch]:
    """One batch of all views, padded to one size."""
    return (collate(views),)


def collate(views: list[Batch]) -> Batch:
    """One batch from views of one image each.

    Smaller views are padded, and padding is not valid. A network sees the padding, so the loss of an image depends on
    the others in its batch unless all have one size.
    """
    # Padded to the right and below only: places of pixels stay what they were.
    height = max(v.image.shape[2] for v in views)
    width = max(v.image.shape[3] for v in views)

    def grow(maps: list[Tensor], value: int | float) -> Tensor:
        return torch.cat([F.pad(m, (0, width - m.shape[-1], 0, height - m.shape[-2]), value=value) for m in maps])

    weak = WeakLabels(
        seeds=grow([v.weak.seeds for v in views], UNLABELED),
        valid=grow([v.weak.valid for v in views], False),
        tags=torch.cat([v.weak.tags for v in views]),
        areas=torch.cat([v.weak.areas for v in views]),
        boxes=tuple(v.weak.boxes[0] for v in views),
        window=torch.cat([v.weak.window for v in views]),
        whole_valid=torch.cat([v.weak.whole_valid for v in views]),
    )
    carried = [v.targets for v in views if isinstance(v.targets, Tensor)]
    if len(carried) < len(views):
        targets = None
    elif any(each.is_floating_point() for each in carried):
        # Labels and soft targets may be mixed in a batch, since a solver may be sure of some images.
        targets = grow([_softly(each, v.weak.tags.shape[1]) for each, v in zip(carried, views, strict=True)], 0.0)
    else:
        targets = grow(carried, UNLABELED)
    return replace(
        views[0],
        image=torch.cat([_grown(v.image, height, width) for v in views]),
        weak=weak,
        keys=tuple(v.keys[0] for v in views),
        targets=targets,
    )


def _softly(targets: Tensor, classes: int) -> Float[Tensor, "1 C H W"]:
    """Targets of one view, soft; labels are certain."""
    if targets.is_floating_point():
        return targets
    return (targets[:, None] == torch.arange(classes)[:, None, None]).float()
