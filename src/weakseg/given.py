"""What a training loop of one's own hands over: made a tensor where no doubt is possible, else refused by name."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from weakseg.errors import EvidenceInvalid

if TYPE_CHECKING:
    Given = Tensor | np.ndarray
else:
    Given = Any
"""A torch tensor or a numpy array. Loose at run time, so that anything else is refused by our own words."""

SLACK = 0.25
"""How far values of an image may leave [0, 1]: interpolation and changes of light overshoot a little."""


def tensor_of(given: Given, name: str) -> Tensor:
    """A tensor or numpy array as a tensor.

    Raises:
        EvidenceInvalid: it is anything else.
    """
    if isinstance(given, Tensor):
        if given.layout is torch.strided and not given.is_meta and not given.is_nested:
            return given
        raise EvidenceInvalid(
            f"{name} is a tensor that is sparse, nested or on the meta device",
            expected="a tensor with a number at every place",
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
    """Images as floating point, B M H W; eight bits are divided by 255.

    Raises:
        EvidenceInvalid: other axes, or other whole numbers, whose largest value nobody knows.
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
    """Seeds as whole numbers, B H W, of the images' size, with -1 in the place of `unlabeled`.

    Raises:
        EvidenceInvalid: floating point, booleans, or another shape; says how to bring it to that of the images.
    """
    seeds = tensor_of(given, "seeds")
    if seeds.is_floating_point() or seeds.is_complex() or seeds.dtype == torch.bool:
        raise EvidenceInvalid(
            f"seeds are {seeds.dtype}",
            expected=f"class numbers as integers, and {unlabeled} where nothing is drawn",
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
    """Raise `EvidenceInvalid` for values that are not finite or were never brought to [0, 1]."""
    if not values.numel():
        return
    low, high = (float(each) for each in values.detach().aminmax())
    if low >= -SLACK and high <= 1 + SLACK:
        return
    if not (values.isfinite()).all():
        raise EvidenceInvalid(
            f"{name} holds {int((~values.isfinite()).sum())} values that are nan or infinite",
            expected="finite values in [0, 1]",
            fix="put a number in their place, and where an image is not to be judged make `valid` False",
        )
    raise EvidenceInvalid(
        f"{name} holds values from {low:.4g} to {high:.4g}",
        expected="values in [0, 1]",
        fix="divide by the largest value that there can be (255 for 8 bits), and give images as they were before any"
        " mean was subtracted: a network can do that for itself",
    )


def _to_the_shape(seeds: Tensor, image: Tensor) -> str:
    """What brings seeds to the shape of images, as far as it can be told."""
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
        return "give class numbers instead of one plane a class: seeds.argmax(1), and -1 where no plane is set"
    if tuple(seeds.shape) == tuple(image.shape[:3]):
        return "the images' channels stand last: give image.permute(0, 3, 1, 2)"
    return "resize the label maps without interpolation, or give as many of them as images"
