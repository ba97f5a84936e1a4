"""Tensors from user input.

Input is converted where only one meaning is possible, and refused otherwise.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from weakseg.errors import EvidenceInvalid

if TYPE_CHECKING:
    Given = Tensor | np.ndarray
else:
    Given = Any
"""A torch tensor or a numpy array. It is `Any` at run time, so that our own messages refuse anything else."""

SLACK = 0.25
"""Largest distance of an image's values from [0, 1]: interpolation and changes of light overshoot a little."""


def tensor_of(given: Given, name: str) -> Tensor:
    """A tensor or numpy array as a tensor.

    Raises:
        EvidenceInvalid: it is anything else.
    """
    if isinstance(given, Tensor):
        if given.layout is torch.strided and not given.is_meta and not given.is_nested:
            return given
        raise EvidenceInvalid(
            f"{name} is a sparse or nested tensor, or on the meta device",
            expected="a dense tensor",
            fix=f"convert it: {name}.to_dense(), or torch.stack of equal sizes",
        )
    if isinstance(given, (np.ndarray, np.generic)) and given.dtype.kind in "biuf":
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


def seeds_of(given: Given, image: Tensor, unlabeled: int) -> Tensor:
    """Seeds as integers, B H W.

    They have the images' size, and -1 in place of `unlabeled`.

    Raises:
        EvidenceInvalid: they are floating point or booleans, or have another shape; the message says how to convert it.
    """
    seeds = tensor_of(given, "seeds")
    if seeds.is_floating_point() or seeds.is_complex() or seeds.dtype == torch.bool:
        raise EvidenceInvalid(
            f"seeds are {seeds.dtype}",
            expected=f"class numbers as integers, and {unlabeled} on unlabelled pixels",
            fix="keep label maps as integers: torch.from_numpy(labels).long(); torchvision's ToTensor divides by 255",
        )
    size = (image.shape[0], *image.shape[2:])
    if tuple(seeds.shape) != size:
        raise EvidenceInvalid(
            f"seeds are {tuple(seeds.shape)}, the images {tuple(image.shape)}",
            expected=f"seeds of {size}: image of the batch, row, column",
            fix=_to_the_shape(seeds, image),
        )
    seeds = seeds.long()
    return torch.where(seeds == unlabeled, -1, seeds)


def refuse_unscaled(values: Tensor, name: str = "image") -> None:
    """Raise `EvidenceInvalid` for values that are not in [0, 1]."""
    if not values.numel():
        return
    low, high = (float(each) for each in values.detach().aminmax())
    if low >= -SLACK and high <= 1 + SLACK:
        return
    if not (values.isfinite()).all():
        raise EvidenceInvalid(
            f"{name} holds {int((~values.isfinite()).sum())} values that are nan or infinite",
            expected="finite values in [0, 1]",
            fix="replace them by a number, and make `valid` False on pixels that must not be evaluated",
        )
    raise EvidenceInvalid(
        f"{name} holds values from {low:.4g} to {high:.4g}",
        expected="values in [0, 1]",
        fix="divide by the largest possible value (255 for 8 bits), and give images without the mean subtracted:"
        " networks normalise for themselves",
    )


def _to_the_shape(seeds: Tensor, image: Tensor) -> str:
    """Advice on seeds of another shape than the images."""
    count, _, height, width = image.shape
    known = {
        (count, 1, height, width): "seeds[:, 0]",
        (height, width): "seeds[None]",
        (count, width, height): "seeds.transpose(1, 2): rows come before columns",
        (height, width, count): "seeds.permute(2, 0, 1)",
    }
    if (found := known.get(tuple(seeds.shape))) is not None:
        return f"give {found}"
    if seeds.dim() == 4 and seeds.shape[2:] == image.shape[2:]:
        return "give class numbers instead of one plane per class: seeds.argmax(1), and -1 where no plane is set"
    if tuple(seeds.shape) == tuple(image.shape[:3]):
        return "the images' channels are last: give image.permute(0, 3, 1, 2)"
    return "resize the label maps without interpolation, or give as many label maps as images"
