"""Tensors from user input.

Input is converted where only one meaning is possible, and refused otherwise.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import torch
from torch import Tensor

from weakseg.arrays.kinds import REAL
from weakseg.arrays.unit_interval import SLACK, refuse_outside
from weakseg.errors import EvidenceInvalid

if TYPE_CHECKING:
    Given = Tensor | np.ndarray
else:
    Given = Any
"""A torch tensor or a numpy array. It is `Any` at run time, so that our own messages refuse anything else."""


class Hints(TypedDict, total=False):
    """What is told of images beside labels of their pixels, where it is told."""

    tags: Given | None
    areas: Given | None
    boxes: Given | Sequence[Given] | None


def tensor_of(given: Given, name: str) -> Tensor:
    """A tensor or numpy array as a tensor.

    Raises:
        EvidenceInvalid: it is anything else.
    """
    if isinstance(given, Tensor):
        # Sparse, nested and meta tensors pass for tensors and fail in the middle of a solve.
        if given.layout is torch.strided and not given.is_meta and not given.is_nested:
            return given
        raise EvidenceInvalid(
            f"{name} is a sparse or nested tensor, or on the meta device",
            expected="a dense tensor",
            fix=f"convert it: {name}.to_dense(), or torch.stack of equal sizes",
        )
    if isinstance(given, (np.ndarray, np.generic)) and given.dtype.kind in REAL:
        # torch warns of arrays that may not be written to, and refuses those of another byte order.
        return torch.from_numpy(np.array(given, dtype=given.dtype.newbyteorder("=")))
    kind = f"an array of {given.dtype}" if isinstance(given, np.ndarray) else f"of type {type(given).__name__}"
    raise EvidenceInvalid(
        f"{name} is {kind}",
        expected="a torch tensor, or a numpy array of numbers",
        fix=f"convert it: torch.from_numpy(numpy.asarray({name}))",
    )


def images_of(given: Given) -> Tensor:
    """Images as floating point tensors, B M H W.

    Values of 8 bits are divided by 255.

    Raises:
        EvidenceInvalid: the axes are others, or the values are other integers, whose largest value is unknown.
    """
    image = tensor_of(given, "image")
    if image.dim() != 4:
        few = {3: ": image[None]", 2: ": image[None, None]"}.get(image.dim(), "")
        raise EvidenceInvalid(
            f"image has {image.dim()} axes, {tuple(image.shape)}",
            expected="four: image of the batch, channel, row, column",
            fix=f"add the missing axes{few}" if few else "give one tensor of a batch of images",
        )
    if image.dtype == torch.uint8:
        return image.float() / 255
    if not image.is_floating_point():
        raise EvidenceInvalid(
            f"image is {image.dtype}",
            expected="floating point in [0, 1], or uint8",
            fix="divide it by the largest value that the camera gives: 4095 for 12 bits, 65535 for 16",
        )
    return image


def labels_of(given: Given, image: Tensor, unlabeled: int, name: str = "seeds") -> Tensor:
    """Label maps as integers, B H W, with -1 for `unlabeled`.

    Raises:
        EvidenceInvalid: they are floating point or booleans, or have another shape; the message says how to convert it.
    """
    labels = tensor_of(given, name)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise EvidenceInvalid(
            f"{name} are {labels.dtype}",
            expected=f"class numbers as integers, and {unlabeled} where there is no label",
            fix="keep label maps as integers: torch.from_numpy(labels).long(); torchvision's ToTensor divides by 255",
        )
    size = (image.shape[0], *image.shape[2:])
    if tuple(labels.shape) != size:
        raise EvidenceInvalid(
            f"{name} are {tuple(labels.shape)}, the images {tuple(image.shape)}",
            expected=f"{name} of {size}: image of the batch, row, column",
            fix=_to_the_shape(labels, image, name),
        )
    labels = labels.long()
    # After the change to 64 bits: -1 in eight unsigned bits is 255, a class or void in other programs.
    return torch.where(labels == unlabeled, -1, labels)


def tags_of(given: Given | None, image: Tensor, classes: int) -> Tensor:
    """Tags as integers, B C: 1, 0 or -1; all -1 by default.

    Raises:
        EvidenceInvalid: floating point, another shape, or other numbers.
    """
    if given is None:
        return torch.full((len(image), classes), -1, device=image.device)
    tags = _of_shape(tensor_of(given, "tags"), "tags", (len(image), classes), "image of the batch, class")
    if tags.is_floating_point() or not ((tags >= -1) & (tags <= 1)).all():
        raise EvidenceInvalid(
            f"tags are {tags.dtype}, from {tags.amin():g} to {tags.amax():g}",
            expected="integers: 1 where a class is present, 0 where it is absent, -1 where nothing is known",
            fix="give tags.long() of zeros and ones, a column for each class",
        )
    return tags.long()


def areas_of(given: Given | None, image: Tensor, classes: int) -> Tensor:
    """Bounds of each class's area, B C 2; (0, 1) by default.

    Raises:
        EvidenceInvalid: another shape, or bounds that are no fractions or exclude each other.
    """
    if given is None:
        return torch.tensor([0.0, 1.0], device=image.device).expand(len(image), classes, 2)
    areas = tensor_of(given, "areas")
    areas = _of_shape(
        areas, "areas", (len(image), classes, 2), "image of the batch, class, (smallest, largest)"
    ).float()
    if not ((areas[..., 0] >= 0) & (areas[..., 1] <= 1) & (areas[..., 0] <= areas[..., 1])).all():
        raise EvidenceInvalid(
            f"areas hold bounds from {areas.amin():g} to {areas.amax():g}",
            expected="(smallest, largest) fractions of the image's valid pixels, in [0, 1]; (0, 1) where unknown",
            fix="divide counts of pixels by the number of valid ones, percentages by 100, and give the smaller first",
        )
    return areas


def boxes_of(given: Any, image: Tensor, classes: int) -> tuple[Tensor, ...]:
    """Bounding boxes of each image, N 5; none by default.

    Raises:
        EvidenceInvalid: another number of images or columns, a class that there is not, or sides that are exchanged.
    """
    if given is None:
        return (torch.empty(0, 5, device=image.device),) * len(image)
    if not isinstance(given, (Sequence, Tensor, np.ndarray)) or len(given) != len(image):
        count = f"for {len(given)} images" if hasattr(given, "__len__") else f"of type {type(given).__name__}"
        raise EvidenceInvalid(
            f"boxes are {count}", expected=f"a sequence with an (N, 5) array for each of {len(image)}"
        )
    boxes = tuple(tensor_of(each, f"boxes[{i}]").float() for i, each in enumerate(given))
    for i, rows in enumerate(boxes):
        if rows.dim() != 2 or rows.shape[1] != 5:
            raise EvidenceInvalid(
                f"boxes[{i}] is {tuple(rows.shape)}",
                expected="(N, 5): class, top, left, bottom, right, half open, in pixels",
                fix="put the class first, and rows before columns; an image without boxes has torch.empty(0, 5)",
            )
        label, top, left, bottom, right = rows.unbind(1)
        sound = (top < bottom) & (left < right) & (label >= 0) & (label < classes) & (label == label.round())
        if not sound.all():
            raise EvidenceInvalid(
                f"boxes[{i}] holds {rows[~sound][0].tolist()}",
                expected=f"class (0 to {classes - 1}), top, left, bottom, right, with top < bottom and left < right",
                fix="of (left, top, width, height) make (top, left, top + height, left + width), the class before them",
            )
    return boxes


def hints_of(
    image: Tensor,
    classes: int,
    *,
    tags: Given | None = None,
    areas: Given | None = None,
    boxes: Given | Sequence[Given] | None = None,
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Tags, bounds of areas, and boxes of each image."""
    return tags_of(tags, image, classes), areas_of(areas, image, classes), boxes_of(boxes, image, classes)


def targets_of(given: Given, image: Tensor, classes: int, unlabeled: int) -> Tensor:
    """Pseudo-labels, B H W as integers or B C H W soft.

    Raises:
        EvidenceInvalid: another shape, or soft ones that are no distributions times weights in [0, 1].
    """
    targets = tensor_of(given, "targets")
    if not targets.is_floating_point():
        return labels_of(targets, image, unlabeled, "targets")
    size = (len(image), classes, *image.shape[2:])
    targets = _of_shape(targets, "targets", size, "image of the batch, class, row, column").float()
    if not ((targets >= 0).all() and (targets.sum(1) <= 1 + 1e-4).all()):
        raise EvidenceInvalid(
            f"targets hold values from {targets.amin():g} to {targets.amax():g}, sums up to {targets.sum(1).amax():g}",
            expected="probabilities times the pixel's weight: 0 or above, with a sum of 1 at most in each pixel",
            fix="give probabilities instead of logits: logits.softmax(1)",
        )
    return targets


def keys_of(given: Any, image: Tensor) -> tuple[str, ...]:
    """A name for each image; its number by default.

    Raises:
        EvidenceInvalid: another number of them, or something else than texts.
    """
    keys = tuple(map(str, range(len(image)))) if given is None else (given,) if isinstance(given, str) else tuple(given)
    if len(keys) != len(image) or not all(isinstance(key, str) for key in keys):
        raise EvidenceInvalid(f"keys are {keys!r:.100}", expected=f"a text for each of {len(image)} images")
    return keys


def _of_shape(given: Tensor, name: str, shape: tuple[int, ...], axes: str) -> Tensor:
    if tuple(given.shape) != shape:
        found = f"{name} are {tuple(given.shape)}"
        raise EvidenceInvalid(
            found, expected=f"{shape}: {axes}", fix="make n_classes and the batch's size agree with it"
        )
    return given


def refuse_unscaled(values: Tensor, name: str = "image") -> None:
    """Raise `EvidenceInvalid` for values that are not in [0, 1]."""
    if not values.numel():
        return
    low, high = (float(each) for each in values.detach().aminmax())
    strange = 0 if low >= -SLACK and high <= 1 + SLACK else int((~values.isfinite()).sum())
    refuse_outside(low, high, strange, name)


def _to_the_shape(seeds: Tensor, image: Tensor, name: str) -> str:
    """What brings seeds to the shape of images, as far as it can be told."""
    count, _, height, width = image.shape
    known = {
        (count, 1, height, width): f"{name}[:, 0]",
        (height, width): f"{name}[None]",
        (count, width, height): f"{name}.transpose(1, 2): rows come before columns",
        (height, width, count): f"{name}.permute(2, 0, 1)",
    }
    if (found := known.get(tuple(seeds.shape))) is not None:
        return f"give {found}"
    if seeds.dim() == 4 and seeds.shape[2:] == image.shape[2:]:
        return f"give class numbers instead of one plane for each class: {name}.argmax(1), and -1 where no plane is set"
    if tuple(seeds.shape) == tuple(image.shape[:3]):
        return "the images' channels are last: give image.permute(0, 3, 1, 2)"
    return "resize the label maps without interpolation, or give as many label maps as images"


def habit_of(values: list[int]) -> str:
    """What to do about values that are no classes, by the habit of other programs that they look like."""
    nothing = [value for value in values if value in (255, -100, 65535)]
    if nothing == values and len(values) == 1:
        value = values[0]
        return f"{value} usually means unlabelled: give unlabeled={value}, or torch.where(seeds == {value}, -1, seeds)"
    return "number the classes from 0, without gaps, and count all of them in n_classes"
